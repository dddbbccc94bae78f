/** The state of a session's transaction, with PostgreSQL's letter: `idle` (I), `open` (T), `failed` (E). */
export type TransactionStatus = 'idle' | 'open' | 'failed'

/** Translates the status byte of ReadyForQuery. An unknown status counts as `idle`: no verdict without evidence. */
export function transactionStatus(letter: unknown): TransactionStatus {
  if (letter === 'T') return 'open'
  if (letter === 'E') return 'failed'
  return 'idle'
}
