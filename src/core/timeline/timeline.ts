import type { Certainty, FindingKind, Outcome } from '../findings/finding.ts'
import type { Frame } from '../origin/origin.ts'
import type { ScopeData } from '../scope.ts'

/** One transaction of a checkout. Times are milliseconds since 1970. */
export interface TimelineTransaction {
  readonly startedAt: number
  /** Absent while it is open. */
  readonly endedAt?: number
}

/** A finding about a checkout, in short. */
export interface TimelineFinding {
  readonly id: string
  readonly kind: FindingKind
  readonly certainty: Certainty
  readonly openedAt: number
  readonly resolvedAt?: number
  readonly outcome?: Outcome
}

/** One checkout, or one wait for a client. Times are milliseconds since 1970. */
export interface TimelineCheckout {
  readonly id: number
  /** The lane of its client, from 0: checkouts of one lane do not overlap. Absent for a wait. */
  readonly slot?: number
  /** The server's process id. */
  readonly pid?: number
  readonly requestedAt: number
  /** True if the pool had no free client when this one was requested. */
  readonly queued: boolean
  /** Absent if it has not got a client, or not yet. */
  readonly acquiredAt?: number
  /** Absent while it waits or is out. */
  readonly endedAt?: number
  /** The end of a wait without a client: `gave up`, `rejected`. */
  readonly ending?: string
  /** The line that checked it out. Absent if it is not known, or if there were too many to look up each. */
  readonly origin?: Frame
  readonly scope?: ScopeData
  /** The transactions that took 50 ms or longer. */
  readonly transactions: readonly TimelineTransaction[]
  readonly findings: readonly TimelineFinding[]
}

/** The use of a pool at one moment. */
export interface TimelineLevel {
  readonly at: number
  /** Clients that are checked out. */
  readonly out: number
  /** Connections that are not idle, including those that run statements of `pool.query`. Absent if not known. */
  readonly used?: number
  readonly waiting: number
}

/** The recording of one pool. */
export interface TimelinePool {
  readonly name: string
  readonly max?: number
  /** The 95th percentile of the last 500 waits for a client, in milliseconds. Absent if there was none. */
  readonly waitP95Millis?: number
  /** One a second. */
  readonly levels: readonly TimelineLevel[]
  /** In the order of their ends; then those that are out or wait. Statements of `pool.query` are not among them. */
  readonly checkouts: readonly TimelineCheckout[]
  /** The number of checkouts below 100 ms that were counted only, because there were more than a sample of 50 a second. */
  readonly omitted: number
}

/** The last minutes of all pools, as frozen plain data. */
export interface Timeline {
  readonly takenAt: number
  /** The recording goes back to this time; milliseconds since 1970. */
  readonly since: number
  readonly pools: readonly TimelinePool[]
}

/** The limits of a recording. */
export interface TimelineLimits {
  readonly keepMillis: number
  readonly keepCheckouts: number
}

export const timelineDefaults = {
  keepMillis: 900_000,
  keepCheckouts: 10_000,
} as const satisfies TimelineLimits
