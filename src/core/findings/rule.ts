import type { Checkout } from '../checkout.ts'
import type { ClientControl, Work } from '../client-control.ts'
import type { PoolGauge } from '../pool-record.ts'
import type { SessionItem } from '../session-state/item.ts'
import type { TransactionStatus } from '../transaction.ts'
import type { Certainty, FindingKind } from './finding.ts'

/**
 * Pure judgement. It looks at a subject - a checkout at a time, or something that happened to one - and returns the
 * hint of a finding (the likely cause, in one sentence), or nothing.
 */
export interface Rule<Subject> {
  readonly kind: FindingKind
  readonly certainty: Certainty
  /** In `enforce` the slot is freed, whatever the remedy of its kind: nothing can be lost by it. */
  readonly freesSlot?: true
  judge(subject: Subject, now: number): string | undefined
}

/** The owner called release. */
export interface Release {
  readonly checkout: Checkout
  readonly control: ClientControl
  /** The client's work at that moment. */
  readonly work: Work
  readonly transaction: TransactionStatus
  /** True if the server has answered everything, so that `transaction` is not a guess. */
  readonly settled: boolean
  /** The transaction was there when this owner got the client: the finding is about a former owner. */
  readonly inherited: boolean
}

/** Items that an owner has left in its session. */
export interface LeftState {
  readonly checkout: Checkout
  readonly items: readonly SessionItem[]
}

/** Release was called after the end of its checkout. */
export interface LateRelease {
  readonly checkout: Checkout
  /** The client is checked out again. */
  readonly ownedByAnother: boolean
}

/** The connection of a checked-out client ended without the client's doing. */
export interface EndedSession {
  readonly checkout: Checkout
  readonly error: Error
  /** SQLSTATE, where the server gave one before it hung up. */
  readonly sqlState: string | undefined
}

/** A caller waits for a client, or has given up. */
export interface Wait {
  readonly checkout: Checkout
  readonly gaveUp: boolean
  /** The use of the pool; looked up only if the rule speaks. */
  occupation(): Occupation
}

export interface Occupation {
  readonly gauge: PoolGauge
  /** How many of the pool's clients are held by a checkout, and how many by running `pool.query` statements. */
  readonly held: number
  readonly passing: number
}

/** A waiter, and what its own scope, or one around it, holds of the same pool. */
export interface ScopedWait {
  readonly waiter: Checkout
  readonly holdings: readonly Checkout[]
}
