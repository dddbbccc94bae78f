import type { EndedSession, Rule } from '../core/findings/rule.ts'

const reasons: Readonly<Record<string, string>> = {
  '57P01': 'terminated by an administrator, or the server is shutting down',
  '57P02': 'ended because another server process crashed',
  '57P05': 'ended by idle_session_timeout',
  '25P03': 'ended by idle_in_transaction_session_timeout: the transaction was left open too long',
  '25P04': 'ended by transaction_timeout: the transaction took too long',
}

/** The connection of a checked-out client ended, and its owner did not close it. */
export const sessionKilled: Rule<EndedSession> = {
  kind: 'session-killed',
  certainty: 'certain',
  judge({ sqlState, error }) {
    if (sqlState === undefined)
      return `the connection was lost (${error.message}): its open transaction, if any, was rolled back`
    return `${reasons[sqlState] ?? error.message} (${sqlState})`
  },
}
