/** The state of a session's transaction, by PostgreSQL's letters: `idle` (I), `open` (T), `failed` (E). */
export type TransactionStatus = 'idle' | 'open' | 'failed'

/** The status byte of ReadyForQuery. Anything else (no status known) counts as `idle`: no verdict without evidence. */
export function transactionStatus(letter: unknown): TransactionStatus {
  if (letter === 'T') return 'open'
  if (letter === 'E') return 'failed'
  return 'idle'
}
