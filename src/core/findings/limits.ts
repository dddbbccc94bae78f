/** How long things may take, in milliseconds; `false` switches a limit off. */
export interface Limits {
  /** A transaction is open and no query is running. */
  readonly idleTransactionMillis: number | false
  /** A transaction is open at all. */
  readonly transactionMillis: number | false
  /** A client is checked out at all. */
  readonly holdMillis: number | false
  /** Somebody waits for a client. */
  readonly acquireWaitMillis: number | false
  /** What is still held this long after its scope has ended, or after `pool.end()`, is a leak. */
  readonly scopeGraceMillis: number | false
}

export const defaultLimits: Limits = {
  idleTransactionMillis: 10_000,
  transactionMillis: 60_000,
  holdMillis: 30_000,
  acquireWaitMillis: 5_000,
  scopeGraceMillis: 1_000,
}
