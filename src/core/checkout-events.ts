import type { Checkout, CheckoutPool } from './checkout.ts'
import type { ClientControl } from './client-control.ts'
import type { EndedSession, Release } from './findings/rule.ts'
import type { CapturedStack } from './origin/origin.ts'

/** What an adapter does with a release: let it happen, or wait for a remedy that says whether it still should. */
export type Verdict = 'proceed' | Promise<'proceed' | 'destroyed'>

/** Adapters tell what happened; the lifeguard judges it and, where a remedy asks for it, holds a release back. */
export interface CheckoutEvents {
  /** Whether statements that change the session are of interest, and whether the server is asked at each release. */
  readonly sessionState: 'ignored' | 'by statement' | 'by query'
  /** A session is handed out for the first time. A promise: the caller gets it when that is settled. */
  arriving(control: ClientControl): Promise<void> | undefined
  /**
   * Whether a release must wait until the state of its transaction is known. A pipelined client must if anything is to
   * be done about it, since the next owner's statements do not wait for it.
   */
  holdsReleases(control: ClientControl, pipelined: boolean): boolean
  /** Before the client goes back to its pool. */
  releasing(release: Release): Verdict
  /**
   * The client is back, and only now it turns out what state it was in: the next owner may already have it, but none of
   * its statements has been sent. Returns whether the session stays as it is.
   */
  releasedAs(release: Release): 'remedied' | 'left'
  /** Whether a remedy may give a caller that waits an error in place of a client. */
  readonly rejectsWaiters: boolean
  /** The part of `releasing` that is about the session, for a release that is not held. */
  leavingState(checkout: Checkout, control: ClientControl): void
  /** Release was called after the end of its checkout. Returns whether it must not take effect. */
  releasedAgain(checkout: Checkout, ownedByAnother: boolean): boolean
  /** A statement was sent after the end of its checkout. Returns the error that it gets, if it must not take effect. */
  usedAfterRelease(checkout: Checkout): Error | undefined
  /** The owner released a client whose session a remedy had destroyed. */
  releasedLate(checkout: Checkout): void
  /** The session of a checkout that is over has no transaction and no work of its owner left. */
  cleaned(checkout: Checkout, how: string, aftermath?: string | undefined): void
  /** A later owner has worked in the transaction that a checkout which is over has left open. */
  suffered(checkout: Checkout, aftermath: string | undefined): void
  /** The transaction of a checkout that is still out has ended. */
  transactionEnded(checkout: Checkout): void
  /** COMMIT was answered by ROLLBACK. */
  commitAnswered(checkout: Checkout): void
  sessionEnded(ended: EndedSession): void
  /** A listener of the pool has sent a statement after it had returned, when the client may have an owner. Once a pool. */
  sentByListener(pool: CheckoutPool, stack: CapturedStack): void
  /** A client was found out that no caller has got through the guard, and has no line. Once a pool. */
  wentUnseen(pool: CheckoutPool): void
  /** A caller got an error instead of a client; the error may be given more to say. */
  acquireFailed(checkout: Checkout, error: unknown): void
}
