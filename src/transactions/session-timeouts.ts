import { readOptions } from '../core/options/read.ts'
import type { OptionTable } from '../core/options/rows.ts'

/** Safety nets of the server and of the pool, in milliseconds. */
export interface SessionTimeouts {
  /** The server cancels a statement that runs longer. Default 30 s. */
  readonly statementMillis?: number | false
  /** The server ends a session that is idle in a transaction for longer. Default 60 s. */
  readonly idleInTransactionMillis?: number | false
  /** The server cancels a statement that waits longer for a lock. Default 10 s. */
  readonly lockMillis?: number | false
  /** `pool.connect` fails if no client is free for longer. Default 10 s. */
  readonly acquireMillis?: number | false
}

/** The options of `pg.Pool` that {@link sessionTimeouts} fills in. */
export interface PoolTimeoutOptions {
  /** In milliseconds: {@link SessionTimeouts.statementMillis}. */
  statement_timeout?: number
  /** In milliseconds: {@link SessionTimeouts.idleInTransactionMillis}. */
  idle_in_transaction_session_timeout?: number
  /** In milliseconds: {@link SessionTimeouts.lockMillis}. */
  lock_timeout?: number
  /** In milliseconds: {@link SessionTimeouts.acquireMillis}. */
  connectionTimeoutMillis?: number
}

export const sessionTimeoutOptions = {
  whole: 'sessionTimeouts(timeouts)',
  prefix: 'sessionTimeouts.',
  rows: {
    statementMillis: { kind: 'millis', whole: true, off: true, default: 30_000 },
    idleInTransactionMillis: { kind: 'millis', whole: true, off: true, default: 60_000 },
    lockMillis: { kind: 'millis', whole: true, off: true, default: 10_000 },
    acquireMillis: { kind: 'millis', whole: true, off: true, default: 10_000 },
  },
} as const satisfies OptionTable<SessionTimeouts>

/** The option of `pg.Pool` that each timeout becomes. */
const nets = [
  { option: 'statement_timeout', name: 'statementMillis' },
  { option: 'idle_in_transaction_session_timeout', name: 'idleInTransactionMillis' },
  { option: 'lock_timeout', name: 'lockMillis' },
  { option: 'connectionTimeoutMillis', name: 'acquireMillis' },
] as const

/**
 * Options of `pg.Pool` that let the server and the pool end what takes too long, even if this process has died. They are
 * sent when a connection starts, and cost no round trip. PgBouncer rejects them unless they are listed in its
 * `ignore_startup_parameters`; therefore nothing sets them for you.
 *
 * @param timeouts in milliseconds; `false` leaves one out
 * @throws OptionError if a name is unknown or a value is not a positive number or `false`
 *
 * @example
 * const pool = new pg.Pool({ max: 10, ...sessionTimeouts({ statementMillis: 5_000 }) })
 */
export function sessionTimeouts(timeouts: SessionTimeouts = {}): PoolTimeoutOptions {
  const millis = readOptions(sessionTimeoutOptions, timeouts)
  const options: PoolTimeoutOptions = {}
  for (const { option, name } of nets) {
    const given = millis[name]
    if (given !== false) options[option] = given
  }
  return options
}

/** Names the safety nets that a pool lacks; undefined if it has all of them, or does not show its options. */
export function missingTimeouts(pool: unknown): string | undefined {
  const options: unknown =
    typeof pool === 'object' && pool !== null ? Reflect.get(pool, 'options') : undefined
  if (typeof options !== 'object' || options === null) return undefined
  const missing = nets.filter(({ option }) => !Reflect.get(options, option)).map(({ option }) => option)
  if (missing.length === 0) return undefined
  return `no ${missing.join(', ')}: see sessionTimeouts()`
}
