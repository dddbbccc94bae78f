import type { Finding } from '../../src/index.ts'

/** A leak at this line of this file. */
export const sampleFindings: readonly Finding[] = [
  {
    ...{ id: 'f1', kind: 'outlived-scope', certainty: 'certain', pool: 'main', remedy: 'report' },
    ...{ hint: 'an early return', fingerprint: 'x', occurrences: 1, docs: 'docs/findings.md#outlived-scope' },
    openedAt: 2_000,
    checkout: {
      ...{ id: 7, via: 'connect', phase: 'out', requestedAt: 1_000, acquiredAt: 1_000, transaction: 'idle' },
      ...{
        waitedMillis: 0,
        heldMillis: 1_000,
        transactionMillis: 0,
        idleMillis: 0,
        queryCount: 0,
        busyMillis: 0,
      },
    },
    origin: { file: import.meta.filename, line: 3, column: 1, frames: [] },
  },
]
