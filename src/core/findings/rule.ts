import type { Checkout } from '../checkout.ts'
import type { ClientControl, Work } from '../client-control.ts'
import type { CapturedStack } from '../origin/origin.ts'
import type { PoolGauge } from '../pool-record.ts'
import type { SessionItem } from '../session-state/item.ts'
import type { TransactionStatus } from '../transaction.ts'
import type { Certainty, FindingKind } from './finding.ts'

/**
 * A pure judgement. It gets a subject, which is a checkout at a time or an event, and returns the hint of a finding
 * (the likely cause, in one sentence), or nothing.
 */
export interface Rule<Subject> {
  readonly kind: FindingKind
  readonly certainty: Certainty
  /** In `enforce` the slot is freed regardless of the kind's remedy, because nothing can be lost. */
  readonly freesSlot?: true
  /** No remedy is applied, whatever that of the kind is. */
  readonly reportsOnly?: true
  judge(subject: Subject, now: number): string | undefined
}

/** A rule about something that has lasted for a limit. */
export interface TimedRule extends Rule<Checkout> {
  /**
   * The earliest time at which it can report, so that a checkout is not judged before. If something that it needs has not
   * begun, it may begin now, and the limit passes after that. What it learns of only later, such as a transaction that
   * the server has opened in the meantime, calls {@link Checkout.judgeSoon}.
   */
  dueAt(checkout: Checkout, now: number): number
}

/** The owner called release. */
export interface Release {
  readonly checkout: Checkout
  readonly control: ClientControl
  /** The client's work at that moment. */
  readonly work: Work
  readonly transaction: TransactionStatus
  /** True if the server has answered all statements, so that `transaction` is reliable. */
  readonly settled: boolean
  /** The transaction was open when this owner got the client: the finding concerns a former owner. */
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
  /** Where release was called. */
  readonly stack?: CapturedStack
}

/** The connection of a checked-out client ended, not by the client. */
export interface EndedSession {
  readonly checkout: Checkout
  readonly error: Error
  /** The SQLSTATE, if the server sent one before it closed the connection. */
  readonly sqlState: string | undefined
}

/** A caller that waits for a client, or has given up. */
export interface Wait {
  readonly checkout: Checkout
  readonly gaveUp: boolean
  /** The use of the pool; evaluated only if the rule reports. */
  occupation(): Occupation
}

export interface Occupation {
  readonly gauge: PoolGauge
  /** The number of clients that checkouts hold; `passing` clients run statements of `pool.query`. */
  readonly held: number
  readonly passing: number
  /** Clients that are out since before the pool was watched. */
  readonly unseen: number
}

/** A waiting caller, and the clients of the same pool that its scope or an enclosing one holds. */
export interface ScopedWait {
  readonly waiter: Checkout
  readonly holdings: readonly Checkout[]
}
