/** The state of a session's transaction, with PostgreSQL's letter: `idle` (I), `open` (T), `failed` (E). */
export type TransactionStatus = 'idle' | 'open' | 'failed'

/** Whether a transaction is open or failed. */
export function isInTransaction(status: TransactionStatus | 'unknown' | undefined): boolean {
  return status === 'open' || status === 'failed'
}

/** Translates the status byte of ReadyForQuery. An unknown status counts as `idle`: no verdict without evidence. */
export function transactionStatus(letter: unknown): TransactionStatus {
  if (letter === 'T') return 'open'
  if (letter === 'E') return 'failed'
  return 'idle'
}
