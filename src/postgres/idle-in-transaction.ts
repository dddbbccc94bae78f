import type { ServerSession } from './server-data.ts'

/** Whether the session has an open or failed transaction and runs no statement. */
export function isIdleInTransaction({ state }: Pick<ServerSession, 'state'>): boolean {
  return state === 'idle in transaction' || state === 'idle in transaction (aborted)'
}

/** Whether the session has been idle in a transaction for at least `millis`. */
export function idlesInTransactionFor(session: ServerSession, millis: number): boolean {
  return isIdleInTransaction(session) && (session.stateMillis ?? 0) >= millis
}
