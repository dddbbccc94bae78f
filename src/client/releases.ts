import type { Checkout } from '../core/checkout.ts'
import type { CheckoutEvents, Verdict } from '../core/checkout-events.ts'
import type { Work } from '../core/client-control.ts'
import type { Release } from '../core/findings/rule.ts'
import type { Ledger } from '../core/ledger.ts'
import { captureStack } from '../core/origin/origin.ts'
import { excludeInBundle } from '../core/origin/own-code.ts'
import type { Control } from './control.ts'
import type { Ownership } from './ownership.ts'
import type { GiveBack } from './types.ts'
import { pendingQueries } from './work.ts'

/** The parts of the pool and the guard that a release needs. */
export interface ReleaseHost {
  /** True after `unwatch`; clients that were checked out before may still be released. */
  readonly unwatched: boolean
  /** The pool does not refuse a second release itself. */
  readonly takesBackTwice: boolean
  /** Restores the client's own methods if it has been released. */
  unguard(): void
  /** The next sweep has to visit the client. */
  stir(): void
}

/** Judges the releases of one client, and returns it to its pool: at once, or after a remedy. */
export class Releases {
  readonly #control: Control
  readonly #ownership: Ownership
  readonly #host: ReleaseHost
  readonly #ledger: Ledger
  readonly #events: CheckoutEvents

  constructor(
    control: Control,
    ownership: Ownership,
    host: ReleaseHost,
    ledger: Ledger,
    events: CheckoutEvents,
  ) {
    this.#control = control
    this.#ownership = ownership
    this.#host = host
    this.#ledger = ledger
    this.#events = events
  }

  /** An owner, present or former, releases the client. `giveBack` is the pool's own release of its checkout. */
  release(checkout: Checkout, giveBack: GiveBack, error: unknown): unknown {
    switch (checkout.phase) {
      case 'out':
        if (this.#ownership.former !== undefined) this.#noteStale(checkout, this.#ownership.former)
        break
      case 'destroyed':
        checkout.phase = 'over' // Only once: any further release is a double release.
        this.#events.releasedLate(checkout)
        return this.#answer()
      case 'returning':
        this.#events.releasedAgain(checkout, false)
        if (this.#host.takesBackTwice) return this.#answer()
        throw new Error('Release called on client which has already been released to the pool.')
      default:
        return this.#releaseAgain(checkout, giveBack, error)
    }
    return !error && this.#control.isPlain() && this.#events.sessionState !== 'by query'
      ? this.#giveBack(checkout, giveBack, error)
      : this.#releaseWithCare(checkout, giveBack, error)
  }

  /** The server is ready: a release before that can be judged now. */
  settle(): void {
    const { unsettled } = this.#ownership
    if (unsettled === undefined) return
    const { checkout, inherited } = unsettled
    this.#ownership.unsettled = undefined
    const release = { ...this.#describe(checkout, 'none', true), inherited }
    const left = this.#events.releasedAs(release) === 'left'
    if (left && release.transaction !== 'idle') this.#leaveUnclean(checkout, 0)
    checkout.forget()
  }

  #releaseAgain(checkout: Checkout, giveBack: GiveBack, error: unknown): unknown {
    const isRefused = !this.#host.unwatched && this.#events.releasedAgain(checkout, false)
    return isRefused && this.#host.takesBackTwice ? this.#answer() : giveBack(error)
  }

  /** The result of a release that does not reach the pool, or not yet. */
  #answer(): unknown {
    // Such pools may have a release that is awaited.
    return this.#host.takesBackTwice ? Promise.resolve() : undefined
  }

  /** The client and its `release` are the same for each owner: only their scopes distinguish the owners. */
  #noteStale(checkout: Checkout, former: Checkout): void {
    const { scope } = checkout
    if (scope !== undefined && former.scope !== undefined && former.scope !== scope) {
      if (this.#ledger.currentScope() === former.scope) {
        checkout.staleRelease = { former, stack: captureStack() }
        return
      }
    }
    // An owner that has just got the client does not release it before it has used it.
    if (checkout.queryCount === 0 && scope === undefined) checkout.staleRelease = { former, stack: undefined }
  }

  #releaseWithCare(checkout: Checkout, giveBack: GiveBack, error: unknown): unknown {
    const control = this.#control
    if (control.raised !== undefined) {
      // A remedy is running or has run: after it, the session is judged and the client returned.
      const verdict = control.raised.settled.then(() => this.#judgeRemedied(checkout, error))
      return this.#hold(checkout, giveBack, error, verdict)
    }
    // The pool closes a client that is released with an error or already closed: no later owner gets its session.
    // An owner that has sent nothing is not blamed for what a former owner has left.
    if (error || control.gone || checkout.queryCount === 0) return this.#giveBack(checkout, giveBack, error)
    const work = control.work()
    const settled = work !== 'none' || control.isReady() || control.runsForeign
    if (!settled && !this.#events.holdsReleases(control, control.client.pipeline === true)) {
      this.#events.leavingState(checkout, control)
      this.#ownership.unsettled = { checkout, inherited: control.session.inherited }
      return this.#giveBack(checkout, giveBack, error)
    }
    const release = this.#describe(checkout, work, settled)
    const verdict = this.#events.releasing(release)
    if (verdict !== 'proceed') return this.#hold(checkout, giveBack, error, verdict)
    // An inherited transaction is the finding of another checkout; running statements are its own.
    const isDirty = release.transaction !== 'idle' && !release.inherited
    const unanswered = work === 'none' ? 0 : pendingQueries(control.client)
    if (unanswered > 0 || isDirty) this.#leaveUnclean(checkout, unanswered)
    return this.#giveBack(checkout, giveBack, error)
  }

  #judgeRemedied(checkout: Checkout, error: unknown): Verdict {
    const control = this.#control
    if (checkout.phase !== 'returning' || error || control.gone || this.#host.unwatched) return 'proceed'
    return this.#events.releasing(this.#describe(checkout, control.work(), control.isReady()))
  }

  #leaveUnclean(checkout: Checkout, unanswered: number): void {
    for (const oldest of this.#ownership.unclean.add(checkout, unanswered))
      this.#events.cleaned(
        oldest.checkout,
        'many later owners have left its session unclean, too',
        oldest.aftermath,
      )
  }

  /** The pool has an adopted client back from an owner that did not call the guard's release. */
  releasedPast(error: unknown): void {
    const { checkout } = this.#ownership
    if (checkout?.phase !== 'out') return
    const control = this.#control
    const isJudged = !error && !control.gone
    if (isJudged) this.#ownership.unsettled = { checkout, inherited: control.session.inherited }
    this.#ownership.end()
    this.#ledger.closed(checkout, isJudged)
    this.#ownership.released = checkout
    this.#host.stir()
    if (isJudged && control.isReady()) this.settle()
  }

  #describe(checkout: Checkout, work: Work, settled: boolean): Release {
    const control = this.#control
    const { transaction, session } = control
    return { checkout, control, work, transaction, settled, inherited: session.inherited }
  }

  #hold(
    checkout: Checkout,
    giveBack: GiveBack,
    error: unknown,
    verdict: Promise<'proceed' | 'destroyed'>,
  ): unknown {
    // A remedy without anything to wait for has destroyed the client already. A second release is still an error.
    checkout.phase = checkout.phase === 'out' ? 'returning' : 'over'
    void verdict.then(() => {
      if (checkout.phase !== 'returning') {
        checkout.phase = 'over'
        this.#ledger.releasedLate(checkout)
        return
      }
      this.#control.raised = undefined
      this.#giveBack(checkout, giveBack, error)
    })
    return this.#answer()
  }

  #giveBack(checkout: Checkout, giveBack: GiveBack, error: unknown): unknown {
    const ownership = this.#ownership
    const unsettled = ownership.unsettled?.checkout === checkout
    ownership.end()
    this.#ledger.closed(checkout, unsettled)
    ownership.released = checkout
    if (!ownership.isStirred) this.#host.stir()
    if (this.#host.unwatched) this.#host.unguard()
    // The pool may set timers, and open a connection for the next waiter.
    if (this.#ledger.context.current() === undefined) return giveBack(error)
    return this.#ledger.detached(() => giveBack(error))
  }
}

excludeInBundle(Releases)
