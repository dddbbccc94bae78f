import type { RowsFor } from '../options/rows.ts'

/** How long things may take, in milliseconds; `false` switches a limit off. */
export interface Limits {
  /** A transaction is open and no query is running. */
  readonly idleTransactionMillis: number | false
  /** A transaction is open at all. */
  readonly transactionMillis: number | false
  /** A client is checked out at all. */
  readonly holdMillis: number | false
  /** A caller waits for a client. */
  readonly acquireWaitMillis: number | false
  /** A client that is held this long after its scope has ended, or after `pool.end()`, is a leak. */
  readonly scopeGraceMillis: number | false
}

export const limitRows = {
  idleTransactionMillis: { kind: 'millis', off: true, default: 10_000 },
  transactionMillis: { kind: 'millis', off: true, default: 60_000 },
  holdMillis: { kind: 'millis', off: true, default: 30_000 },
  acquireWaitMillis: { kind: 'millis', off: true, default: 5_000 },
  scopeGraceMillis: { kind: 'millis', off: true, default: 1_000 },
} as const satisfies RowsFor<Limits>
