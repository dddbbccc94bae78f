import type { Checkout } from '../core/checkout.ts'
import type { CapturedStack } from '../core/origin/origin.ts'
import type { Scope } from '../core/scope.ts'
import type { GiveBack } from './types.ts'
import { UncleanReleases, type UnsettledRelease } from './unclean-releases.ts'

/** A caller of `pool.query` whose statement is not known until it is sent. */
export interface PassingCaller {
  readonly stack: CapturedStack
  readonly scope: Scope | undefined
}

/** The present and former owners of a client, and the statements that former owners have left running. */
export class Ownership {
  /** The checkout of the present owner. */
  checkout: Checkout | undefined
  /** The pool's own release of that checkout. */
  giveBack: GiveBack | undefined
  /** The release that the present owner calls in its place. */
  release: GiveBack | undefined
  /** The present owner got the client past the guard. It may release it past the guard, too. */
  isAdopted = false
  /** The pool has handed out the client to an unknown caller. */
  isUnclaimed = false
  /** An untracked statement of `pool.query` has the client; true until it is answered. */
  isPassing = false
  passingCaller: PassingCaller | undefined
  /** The connection was lost before its first owner got it. */
  lost: { readonly error: Error; readonly sqlState: string | undefined } | undefined
  /** Listeners of the pool have got the client: statements that they send belong to no owner. */
  hasListeners = false
  /** The statements sent by listeners. */
  readonly foreign = new WeakSet<object>()
  /** A listener has sent a statement. Most clients never have one, and need not look for each answer in `foreign`. */
  hasForeign = false
  /** A release before the server had answered; the next ReadyForQuery shows the state of the session. */
  unsettled: UnsettledRelease | undefined
  readonly unclean: UncleanReleases
  /** The last finished checkout. A second release needs its stack, which keeps the caller's closures in memory. */
  released: Checkout | undefined
  /** The owner before the present one. If it calls `client.release` a second time, it calls that of the present one. */
  former: Checkout | undefined
  /** A checkout that a remedy has taken back while its owner holds the pool's own release. */
  dropped: Checkout | undefined
  /** The next sweep has to visit the client: it is unclaimed, or `released` has to be forgotten. */
  isStirred = false
  #releasedBefore: Checkout | undefined
  #lastRelease: GiveBack | undefined
  #lastGiveBack: GiveBack | undefined
  #wasUnclaimed = false

  /** `unanswered` is the number of statements running or queued when the guard first saw the session. */
  constructor(unanswered: number) {
    this.unclean = new UncleanReleases(unanswered)
  }

  /** The pool has handed out the client; its owner is known when the caller is answered. */
  goesOut(): void {
    this.isUnclaimed = true
    this.#wasUnclaimed = false
  }

  begin(checkout: Checkout, giveBack: GiveBack, release: GiveBack): void {
    this.checkout = checkout
    this.former = this.released
    // Each would keep the one before it in memory: an endless chain.
    if (this.former !== undefined) this.former.staleRelease = undefined
    this.giveBack = giveBack
    this.release = release
    this.isUnclaimed = false
  }

  /** A statement of `pool.query` gets the client. `caller` is given if the statement is not known yet. */
  pass(caller: PassingCaller | undefined): void {
    this.isPassing = true
    this.passingCaller = caller
    this.isUnclaimed = false
  }

  /** A listener has sent a statement. */
  addForeign(query: object): void {
    this.hasForeign = true
    this.foreign.add(query)
  }

  /** The pool's own release behind `release`, if that is the override of the last checkout. */
  behind(release: GiveBack): GiveBack {
    return release === this.#lastRelease && this.#lastGiveBack !== undefined ? this.#lastGiveBack : release
  }

  /** Ends the present checkout. */
  end(): void {
    this.#lastRelease = this.release
    this.#lastGiveBack = this.giveBack
    this.checkout = undefined
    this.giveBack = undefined
    this.release = undefined
    this.former = undefined
    this.isAdopted = false
  }

  /** Whether the client has been unclaimed for a whole sweep. */
  staysUnclaimed(): boolean {
    const stays = this.isUnclaimed && this.#wasUnclaimed
    this.#wasUnclaimed = this.isUnclaimed
    return stays
  }

  /**
   * Drops the stack of the last checkout one sweep after its end: `client.release` still refers to the checkout. Returns
   * whether that is done.
   */
  forgetReleased(): boolean {
    const isOld = this.released === this.#releasedBefore
    if (isOld) this.released?.forgetSource()
    this.#releasedBefore = this.released
    return isOld
  }
}
