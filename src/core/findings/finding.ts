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

export type FindingKind = (typeof findingKinds)[number]

/** The kind's place in `Checkout.reported`. */
export function bitOf(kind: FindingKind): number {
  return 1 << findingKinds.indexOf(kind)
}

/** The places of several kinds. */
export function bitsOf(kinds: readonly FindingKind[]): number {
  return kinds.reduce((bits, kind) => bits | bitOf(kind), 0)
}

/** `suspected`: a limit has passed, which proves nothing. `certain`: it happened, whatever the time. */
export type Certainty = 'suspected' | 'certain'

/** The action on a finding. */
export type Remedy = 'report' | 'rollback' | 'destroy' | 'refuse' | 'reject' | 'reset'

/** The result of a remedy other than `report`. */
export type Outcome = 'rolled-back' | 'destroyed' | 'refused' | 'rejected' | 'reset'

/** A client that others wait for. */
export interface Holder extends Partial<CheckoutData> {
  readonly via: CheckoutData['via']
  readonly origin?: Origin
  readonly transactionOrigin?: Origin
  readonly scope?: ScopeData
}

/** A mistake that a rule has found: frozen, plain, JSON-safe. */
export interface Finding {
  /** Unique in this process; the same in `finding`, `remedied` and `resolved`. */
  readonly id: string
  readonly kind: FindingKind
  readonly certainty: Certainty
  /** The name that the pool was watched under. */
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
  /** The trace and the span that it was checked out in: the active ones, or those that the scope came with. */
  readonly traceId?: string
  readonly spanId?: string
  /** For `session-state`: what was left, such as `search_path` or `LISTEN orders`. Names only, never values. */
  readonly left?: readonly string[]
  /** The clients that are waited for. */
  readonly holders?: readonly Holder[]
  /** The likely cause, in one sentence. */
  readonly hint: string
  /** For `dirty-release` and `busy-release`: what later owners of the session have suffered so far. */
  readonly aftermath?: string
  /** The `id` of an open finding of the same checkout, to which this one adds. */
  readonly updates?: string
  /** The `id` of the finding that is certain where this one was suspected. */
  readonly supersededBy?: string
  readonly remedy: Remedy
  readonly outcome?: Outcome
  /** Why the outcome is not the one that the remedy aims at. */
  readonly outcomeDetail?: string
  /** Equal for findings of one kind from one line of source. */
  readonly fingerprint: string
  /** How many findings with this fingerprint there have been, this one included. */
  readonly occurrences: number
  /** Milliseconds since 1970. */
  readonly openedAt: number
  /** Milliseconds since 1970. */
  readonly resolvedAt?: number
  /** How it cleared: "released after 41.2 s". */
  readonly resolution?: string
}

/** So many findings that have resolved a lifeguard keeps, the last ones: memory must not grow with time. */
export const mostResolved = 200

/**
 * A mistake of the program that is certain: reports call it a leak, and a leak check fails for it. A session that
 * somebody else has ended is certain, too, and nobody's mistake.
 */
export function isLeak({ certainty, kind }: Pick<Finding, 'certainty' | 'kind'>): boolean {
  return certainty === 'certain' && kind !== 'session-killed'
}

/** How a finding ended, and what others suffered until then. */
export function resolutionText({ resolution = 'cleared', aftermath }: Finding): string {
  return aftermath === undefined ? resolution : `${resolution}; ${aftermath}`
}
