import type { Checkout, CheckoutPool } from './checkout.ts'
import type { ClientControl } from './client-control.ts'
import type { EndedSession, Release } from './findings/rule.ts'
import type { CapturedStack } from './origin/origin.ts'

/** The verdict about a release: proceed, or wait for a remedy, after which the client may be destroyed. */
export type Verdict = 'proceed' | Promise<'proceed' | 'destroyed'>

/**
 * The events that a guarded pool and its clients report. The guard judges them, and may delay a release for a remedy.
 */
export interface CheckoutEvents {
  /** The way in which session state is judged: not at all, by the owner's statements, or by asking the server. */
  readonly sessionState: 'ignored' | 'by statement' | 'by query'
  /** A session is handed out for the first time. If a promise is returned, the caller gets it after that. */
  arriving(control: ClientControl): Promise<void> | undefined
  /**
   * Whether a release must wait until the state of its transaction is known. For a pipelined client it must if there is
   * a remedy, because the next owner's statements are sent at once.
   */
  holdsReleases(control: ClientControl, pipelined: boolean): boolean
  /** The client is about to be returned to its pool. */
  releasing(release: Release): Verdict
  /**
   * The state of a released client has become known only after its release: the next owner may already have it, but
   * none of its statements has been sent. Returns whether the session stays as it is.
   */
  releasedAs(release: Release): 'remedied' | 'left'
  /** Whether a remedy may answer a waiting caller with an error in place of a client. */
  readonly rejectsWaiters: boolean
  /** Judges the session state at a release that does not wait. */
  leavingState(checkout: Checkout, control: ClientControl): void
  /** Release was called after the end of its checkout. Returns whether it must not take effect. */
  releasedAgain(checkout: Checkout, ownedByAnother: boolean): boolean
  /** A statement was sent after the end of its checkout. Returns the error that it gets, if it must not take effect. */
  usedAfterRelease(checkout: Checkout, sentFrom?: CapturedStack): Error | undefined
  /** The owner released a client whose session a remedy had destroyed. */
  releasedLate(checkout: Checkout): void
  /** The session of a finished checkout has no transaction and no running statement of its owner left. */
  cleaned(checkout: Checkout, how: string, aftermath?: string | undefined): void
  /** A later owner has run statements in a transaction that a finished checkout had left open. */
  suffered(checkout: Checkout, aftermath: string | undefined): void
  /** The transaction of an open checkout has ended. */
  transactionEnded(checkout: Checkout): void
  /** COMMIT was answered by ROLLBACK. */
  commitAnswered(checkout: Checkout): void
  sessionEnded(ended: EndedSession): void
  /** A listener of the pool has sent a statement asynchronously, when the client may have an owner. Once per pool. */
  sentByListener(pool: CheckoutPool, stack: CapturedStack): void
  /** A client was checked out past the guard, and its line is not known. Once per pool. */
  wentUnseen(pool: CheckoutPool): void
  /** A library has released a client a second time, while its next owner had it, and the guard has ignored that. */
  ignoredRelease(pool: CheckoutPool, library: string, method: string): void
  /** A caller got an error in place of a client; details may be added to the error. */
  acquireFailed(checkout: Checkout, error: unknown): void
  /** A library replaces the pool's time-out error with one of its own, without a cause. */
  timedOut(pool: CheckoutPool, error: Error): void
}
