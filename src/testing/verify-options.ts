import { type IgnoreRule, ignoreRow } from '../core/findings/ignore.ts'
import type { OptionTable, RowsFor } from '../core/options/rows.ts'

/** The options of `verifyNone`. */
export interface VerifyOptions {
  /** Intended findings. Their sessions are left alone. */
  readonly ignore?: readonly IgnoreRule[]
  /** The time to wait for sessions that may still be released, in milliseconds. Default 500. */
  readonly settleMillis?: number
}

export const settleRow = { kind: 'millis', zero: true, most: 60_000, default: 500 } as const

export const verifyRows = {
  ignore: ignoreRow,
  settleMillis: settleRow,
} as const satisfies RowsFor<VerifyOptions>

export const verifyNoneOptions = {
  whole: 'verifyNone(lifeguard, options)',
  prefix: '',
  rows: verifyRows,
} as const satisfies OptionTable<VerifyOptions>
