import type { Checkout } from '../core/checkout.ts'
import type { GiveBack } from './types.ts'
import { UncleanReleases, type UnsettledRelease } from './unclean-releases.ts'

/** Who has a client, who had it before, and what former owners have left running in its session. */
export class Ownership {
  /** The checkout of the present owner. */
  checkout: Checkout | undefined
  /** The pool's own release of that checkout. */
  giveBack: GiveBack | undefined
  /** What the present owner calls in its place. */
  release: GiveBack | undefined
  /** Out to a statement of `pool.query` that is not tracked: from when it gets the client until it is answered. */
  isPassing = false
  /** Released before the server had answered: the next ReadyForQuery tells what state it was in. */
  unsettled: UnsettledRelease | undefined
  readonly unclean: UncleanReleases
  /** The last checkout that is over. Its stack, which keeps the caller's closures alive, is needed if it is released again. */
  released: Checkout | undefined
  /** The owner before the present one: it may call `client.release` a second time, which is that of the present one by now. */
  former: Checkout | undefined
  #releasedBefore: Checkout | undefined

  /** `unanswered`: how many statements were running or queued when the guard first saw the session. */
  constructor(unanswered: number) {
    this.unclean = new UncleanReleases(unanswered)
  }

  begin(checkout: Checkout, giveBack: GiveBack, release: GiveBack): void {
    this.checkout = checkout
    this.former = this.released
    // Each would keep the one before it, and so on without end.
    if (this.former !== undefined) this.former.staleRelease = undefined
    this.giveBack = giveBack
    this.release = release
  }

  /** Nobody has the client any more. */
  end(): void {
    this.checkout = undefined
    this.giveBack = undefined
    this.release = undefined
  }

  /** Lets go of the last checkout's source once it has been over for a whole sweep: `client.release` still leads to it. */
  forgetReleased(): void {
    if (this.released === this.#releasedBefore) this.released?.forgetSource()
    this.#releasedBefore = this.released
  }
}
