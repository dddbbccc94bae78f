import type { CheckoutData } from '../checkout.ts'
import type { Origin } from '../origin/origin.ts'
import type { ScopeData } from '../scope.ts'

/** Every kind of finding, in the order of the documentation. */
export const findingKinds = [
  'idle-transaction',
  'long-transaction',
  'long-hold',
  'outlived-scope',
  'dirty-release',
  'busy-release',
  'double-release',
  'use-after-release',
  'session-state',
  'lost-commit',
  'session-killed',
  'nested-acquire',
  'pool-deadlock',
  'pool-exhausted',
  'blocked-shutdown',
] as const

/** A kind of finding: the word in reports, in the option `remedies` and in the anchors of `docs/findings.md`. */
export type FindingKind = (typeof findingKinds)[number]

/** The bit of a kind in `Checkout.reported`. */
export function bitOf(kind: FindingKind): number {
  return 1 << findingKinds.indexOf(kind)
}

/** The bits of several kinds. */
export function bitsOf(kinds: readonly FindingKind[]): number {
  return kinds.reduce((bits, kind) => bits | bitOf(kind), 0)
}

/** `suspected`: a limit has passed, which is no proof. `certain`: a mistake at any time. */
export type Certainty = 'suspected' | 'certain'

/** The action on a finding. */
export type Remedy = 'report' | 'rollback' | 'destroy' | 'refuse' | 'reject' | 'reset'

/** The result of a remedy other than `report`. */
export type Outcome = 'rolled-back' | 'destroyed' | 'refused' | 'rejected' | 'reset'

/** The holder of a client that others wait for. */
export interface Holder extends Partial<CheckoutData> {
  readonly via: CheckoutData['via']
  readonly origin?: Origin
  readonly transactionOrigin?: Origin
  readonly scope?: ScopeData
}

/** The report of a rule: frozen, plain and JSON-safe. */
export interface Finding {
  /** Unique in this process; the same in `finding`, `remedied` and `resolved`. */
  readonly id: string
  readonly kind: FindingKind
  readonly certainty: Certainty
  /** The name of the watched pool. */
  readonly pool: string
  readonly checkout: CheckoutData
  /** The line that checked the client out. */
  readonly origin?: Origin
  /** The line that opened its transaction. */
  readonly transactionOrigin?: Origin
  /** The line of the event: the second release, the statement after release, the statement that changed the session. */
  readonly eventOrigin?: Origin
  /** The unit of work that checked it out. */
  readonly scope?: ScopeData
  /** The trace in which the client was checked out: the active one, or that of the scope. */
  readonly traceId?: string
  readonly spanId?: string
  /** For `session-state`: the items left, such as `search_path` or `LISTEN orders`. Names only, never values. */
  readonly left?: readonly string[]
  /** The holders of the clients that others wait for. */
  readonly holders?: readonly Holder[]
  /** The likely cause, in one sentence. */
  readonly hint: string
  /** For `dirty-release` and `busy-release`: the damage to later owners of the session so far. */
  readonly aftermath?: string
  /** The `id` of the open finding of the same checkout that this one updates. */
  readonly updates?: string
  /** The `id` of the certain finding that has replaced this suspected one. */
  readonly supersededBy?: string
  readonly remedy: Remedy
  readonly outcome?: Outcome
  /** The reason why the outcome is not the one intended by the remedy. */
  readonly outcomeDetail?: string
  /** Equal for findings of one kind from one line of source. */
  readonly fingerprint: string
  /** The number of findings with this fingerprint so far, including this one. */
  readonly occurrences: number
  /** The page about its kind, from the root of the package and of its repository: `docs/findings.md#long-hold`. */
  readonly docs: string
  /** Milliseconds since 1970. */
  readonly openedAt: number
  /** Milliseconds since 1970. */
  readonly resolvedAt?: number
  /** The way it cleared: "released after 41.2 s". */
  readonly resolution?: string
}

/** The number of resolved findings that a lifeguard keeps: memory must not grow with time. */
export const mostResolved = 200

/**
 * Whether a finding is a certain mistake of the program: reports call it a leak, and leak checks fail. A session that
 * was ended from outside is certain, too, but no mistake of the program.
 */
export function isLeak({ certainty, kind }: Pick<Finding, 'certainty' | 'kind'>): boolean {
  return certainty === 'certain' && kind !== 'session-killed'
}

/** The resolution of a finding, and the damage to later owners. */
export function resolutionText({ resolution = 'cleared', aftermath }: Finding): string {
  return aftermath === undefined ? resolution : `${resolution}; ${aftermath}`
}
