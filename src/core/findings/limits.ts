import type { RowsFor } from '../options/rows.ts'

/** Time limits in milliseconds; `false` switches a limit off. */
export interface Limits {
  /** An open transaction with no statement running. Default 10,000 ms. */
  readonly idleTransactionMillis: number | false
  /** An open transaction, idle or busy. Default 60,000 ms. */
  readonly transactionMillis: number | false
  /** A checked-out client, idle or busy. Default 30,000 ms. */
  readonly holdMillis: number | false
  /** A caller that waits for a client. Default 5,000 ms. */
  readonly acquireWaitMillis: number | false
  /** A client that is still held after the end of its scope, or after `pool.end()`. Default 1,000 ms. */
  readonly scopeGraceMillis: number | false
}

export const limitRows = {
  idleTransactionMillis: { kind: 'millis', off: true, default: 10_000 },
  transactionMillis: { kind: 'millis', off: true, default: 60_000 },
  holdMillis: { kind: 'millis', off: true, default: 30_000 },
  acquireWaitMillis: { kind: 'millis', off: true, default: 5_000 },
  scopeGraceMillis: { kind: 'millis', off: true, default: 1_000 },
} as const satisfies RowsFor<Limits>
