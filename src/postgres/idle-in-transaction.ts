import type { ServerSession } from './server-data.ts'

/** A transaction that is open while no statement runs, failed or not. */
export function isIdleInTransaction({ state }: Pick<ServerSession, 'state'>): boolean {
  return state === 'idle in transaction' || state === 'idle in transaction (aborted)'
}

/** The same, for at least so many milliseconds. */
export function idlesInTransactionFor(session: ServerSession, millis: number): boolean {
  return isIdleInTransaction(session) && (session.stateMillis ?? 0) >= millis
}
