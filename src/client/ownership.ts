import type { Checkout } from '../core/checkout.ts'
import type { CapturedStack } from '../core/origin/origin.ts'
import type { Scope } from '../core/scope.ts'
import type { GiveBack } from './types.ts'
import { UncleanReleases, type UnsettledRelease } from './unclean-releases.ts'

/** A caller of `pool.query` whose statement is known only when it is sent. */
export interface PassingCaller {
  readonly stack: CapturedStack
  readonly scope: Scope | undefined
}

/** Who has a client, who had it before, and what former owners have left running in its session. */
export class Ownership {
  /** The checkout of the present owner. */
  checkout: Checkout | undefined
  /** The pool's own release of that checkout. */
  giveBack: GiveBack | undefined
  /** What the present owner calls in its place. */
  release: GiveBack | undefined
  /** The present owner got the client past the guard. It may release it past the guard, too. */
  isAdopted = false
  /** The pool has handed the client out, and nobody is known to have it. */
  isUnclaimed = false
  /** Out to a statement of `pool.query` that is not tracked: from when it gets the client until it is answered. */
  isPassing = false
  passingCaller: PassingCaller | undefined
  /** The connection was lost before the owner that has been waiting for it got it. */
  lost: { readonly error: Error; readonly sqlState: string | undefined } | undefined
  /** Listeners of the pool have been given the client: what they send is no owner's. */
  hasListeners = false
  /** Statements that such listeners have sent. */
  readonly foreign = new WeakSet<object>()
  /** Released before the server had answered: the next ReadyForQuery tells what state it was in. */
  unsettled: UnsettledRelease | undefined
  readonly unclean: UncleanReleases
  /** The last checkout that is over. Its stack, which keeps the caller's closures alive, is needed if it is released again. */
  released: Checkout | undefined
  /** The owner before the present one: it may call `client.release` a second time, which is that of the present one by now. */
  former: Checkout | undefined
  /** The checkout of an owner that has the pool's own release, taken back by a remedy. */
  dropped: Checkout | undefined
  #releasedBefore: Checkout | undefined
  #lastRelease: GiveBack | undefined
  #lastGiveBack: GiveBack | undefined
  #wasUnclaimed = false

  /** `unanswered`: how many statements were running or queued when the guard first saw the session. */
  constructor(unanswered: number) {
    this.unclean = new UncleanReleases(unanswered)
  }

  /** The pool has handed the client out: whoever gets it is known when the caller is answered. */
  goesOut(): void {
    this.isUnclaimed = true
    this.#wasUnclaimed = false
  }

  begin(checkout: Checkout, giveBack: GiveBack, release: GiveBack): void {
    this.checkout = checkout
    this.former = this.released
    // Each would keep the one before it, and so on without end.
    if (this.former !== undefined) this.former.staleRelease = undefined
    this.giveBack = giveBack
    this.release = release
    this.isUnclaimed = false
  }

  /** A statement of `pool.query` gets the client. `caller`: where its statement is not known yet. */
  pass(caller: PassingCaller | undefined): void {
    this.isPassing = true
    this.passingCaller = caller
    this.isUnclaimed = false
  }

  /** The pool's own release, where `release` is that of the last checkout. */
  behind(release: GiveBack): GiveBack {
    return release === this.#lastRelease && this.#lastGiveBack !== undefined ? this.#lastGiveBack : release
  }

  /** Nobody has the client any more. */
  end(): void {
    this.#lastRelease = this.release
    this.#lastGiveBack = this.giveBack
    this.checkout = undefined
    this.giveBack = undefined
    this.release = undefined
    this.former = undefined
    this.isAdopted = false
  }

  /** Whether nobody has claimed the client for a whole sweep. */
  staysUnclaimed(): boolean {
    const stays = this.isUnclaimed && this.#wasUnclaimed
    this.#wasUnclaimed = this.isUnclaimed
    return stays
  }

  /** Lets go of the last checkout's source once it has been over for a whole sweep: `client.release` still leads to it. */
  forgetReleased(): void {
    if (this.released === this.#releasedBefore) this.released?.forgetSource()
    this.#releasedBefore = this.released
  }
}
