import { OptionError } from '../errors.ts'
import { startsWith } from '../sql/statement.ts'
import type { Checkout } from './checkout.ts'
import { matches, type Pattern } from './findings/ignore.ts'
import type { ArrayRow } from './options/rows.ts'
import { describeFrame } from './origin/origin.ts'

/** Exempts clients that are held for long by design. All given patterns must match. */
export interface ExemptRule {
  /** The text of the last statement. */
  readonly statement?: Pattern | undefined
  /** Matches `src/listen.ts:12:20 in listen`, the file relative to the working directory. */
  readonly origin?: Pattern | undefined
  /** The name of the scope. */
  readonly scope?: Pattern | undefined
  /** The reason why the clients may be held, for the snapshot. */
  readonly reason: string
}

const pattern = { kind: 'string', or: 'RegExp' } as const

/** The option `exempt`. */
export const exemptRow = {
  kind: 'array',
  of: {
    kind: 'options',
    rows: {
      statement: pattern,
      origin: pattern,
      scope: pattern,
      reason: {
        kind: 'string',
        content: 'visible',
        required: true,
        expected: 'must be a string that says why',
      },
    },
  },
  default: [],
  expected: 'must be an array of rules',
} as const satisfies ArrayRow<ExemptRule>

/** @throws OptionError if a rule would exempt every client */
export function checkExemptRules(rules: readonly ExemptRule[]): readonly ExemptRule[] {
  for (const [index, rule] of rules.entries()) {
    const { statement, origin, scope } = rule
    if (statement === undefined && origin === undefined && scope === undefined) {
      throw new OptionError(`exempt[${index}]`, 'must have a statement, an origin or a scope', rule)
    }
  }
  return rules
}

/** The reason of the first rule that matches a checkout. */
export function exemptionBy(rules: readonly ExemptRule[], checkout: Checkout): string | undefined {
  return rules.find((rule) => applies(rule, checkout))?.reason
}

function applies({ statement, origin, scope }: ExemptRule, checkout: Checkout): boolean {
  const { lastQuery = '' } = checkout
  return (
    (statement === undefined || matches(statement, lastQuery)) &&
    (origin === undefined || matches(origin, placeOf(checkout))) &&
    (scope === undefined || (checkout.scope !== undefined && matches(scope, checkout.scope.data().name)))
  )
}

function placeOf({ origin }: Checkout): string {
  return origin === undefined ? '' : `${describeFrame(origin)} in ${origin.functionName ?? ''}`
}

const listen = /listen\b/iy
const replicate = /start_replication\b/iy
const lock = /\bpg_(?:try_)?advisory_lock(?:_shared)?\s*\(/i

/** What a session is for that does nothing but stay open. */
export type Standby = 'notifications' | 'advisory lock' | 'replication'

/** The purpose of a session that may be kept open by design, so that nobody can know that it was forgotten. */
export function standbyOf(checkout: Checkout): Standby | undefined {
  const { lastQuery, lastQueryFailed, control } = checkout
  if (control?.gone !== false) return undefined
  if (isListening(checkout)) return 'notifications'
  if (lastQuery === undefined || lastQueryFailed) return undefined
  if (startsWith(lastQuery, replicate)) return 'replication'
  if (control.transaction !== 'idle' || control.work() !== 'none' || !lock.test(lastQuery)) return undefined
  // Whatever was to be done under the lock would have come after it.
  return control.changes?.holdsLocks === false ? undefined : 'advisory lock'
}

/**
 * Whether a session only waits for notifications, without a transaction, as those of job queues do by design. Statements
 * in between, such as one that keeps the connection alive, change nothing.
 */
export function isListening({ lastQuery, lastQueryFailed, control }: Checkout): boolean {
  if (control === undefined || control.transaction !== 'idle' || control.work() !== 'none') return false
  if (control.changes?.listens === true) return true
  return lastQuery !== undefined && !lastQueryFailed && startsWith(lastQuery, listen)
}
