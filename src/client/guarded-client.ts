import type { Checkout, CheckoutPool, Via } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import type { Ledger } from '../core/ledger.ts'
import type { CapturedStack } from '../core/origin/origin.ts'
import { excludeInBundle } from '../core/origin/own-code.ts'
import type { PoolStacks } from '../core/origin/pool-stacks.ts'
import { noteRestored } from '../core/restored-release.ts'
import type { Scope } from '../core/scope.ts'
import { statementText } from '../sql/statement.ts'
import { Control } from './control.ts'
import { checkedHandle } from './handle.ts'
import { Ownership, type PassingCaller } from './ownership.ts'
import { type ReleaseHost, Releases } from './releases.ts'
import type { StatementTexts } from './statement-texts.ts'
import { OwnerStatements, type StatementHost } from './statements.ts'
import type { StatementTagger } from './tag.ts'
import type { Client, GiveBack, PoolTraits, SubmittedQuery } from './types.ts'
import { Wire } from './wire.ts'
import { pendingQueries } from './work.ts'

/** The parts of its pool that a guarded client needs. */
export interface ClientHost extends Omit<StatementHost, 'adopt'> {
  readonly record: CheckoutPool
  readonly traits: PoolTraits
  /** Frees the slot of a client that is still checked out, and closes its session. */
  destroy(client: Client, error: Error, giveBack: GiveBack): void
  /** Does the same for an owner that holds the pool's own release; returns false if the pool cannot do that. */
  drop(client: Client): boolean
  /** A checkout was found that had bypassed the guard. */
  adopted(): void
  /** The pool's own release of a client that is checked out. */
  giveBackOf(client: Client): GiveBack | undefined
  /** The next sweep has to visit the client. */
  stirred(guard: GuardedClient): void
}

/**
 * One guarded client of a pool, from the first time the watched pool hands it out until its connection ends. The
 * application keeps the same object: `query` and, during a checkout, `release` are overridden on it.
 *
 * Its parts: {@link Wire} follows the server's messages, {@link OwnerStatements} handles the owners' statements,
 * {@link Releases} judges their releases, and {@link Ownership} records which owner has the client.
 */
export class GuardedClient implements ReleaseHost, StatementHost {
  readonly client: Client
  // Those of the pool: read for every statement.
  readonly texts: StatementTexts
  readonly stacks: PoolStacks
  readonly tagged: StatementTagger | undefined
  readonly #host: ClientHost
  readonly #ledger: Ledger
  readonly #events: CheckoutEvents
  readonly #ownership: Ownership
  readonly #control: Control
  readonly #statements: OwnerStatements
  readonly #wire: Wire
  readonly #releases: Releases

  constructor(client: Client, host: ClientHost, ledger: Ledger, events: CheckoutEvents) {
    this.client = client
    this.texts = host.texts
    this.stacks = host.stacks
    this.tagged = host.tagged
    this.#host = host
    this.#ledger = ledger
    this.#events = events
    const ownership = new Ownership(pendingQueries(client))
    this.#ownership = ownership
    this.#control = new Control(client, {
      stream: host.traits.stream,
      setUpByHost: host.traits.setUpByHost,
      tracksState: events.sessionState !== 'ignored' && host.traits.resetsSessions !== true,
      clock: ledger.clock,
      foreign: ownership.foreign,
      takeBack: (error) => this.#takeBack(error),
      learned: () => this.#host.unwatched && this.unguard(),
    })
    // A transaction that is already open belongs to no known owner, and its start is unknown.
    this.#control.session.since = ledger.time.now()
    this.#statements = new OwnerStatements(this.#control, ownership, this, events, ledger)
    this.#releases = new Releases(this.#control, ownership, this, ledger, events)
    this.#wire = new Wire(this.#control, ownership, ledger, events, {
      settled: () => this.#releases.settle(),
      openedInPassing: (query) => this.#track(query),
    })
  }

  /** The present checkout; undefined if the client is not checked out. */
  get checkout(): Checkout | undefined {
    return this.#ownership.checkout
  }

  get unwatched(): boolean {
    return this.#host.unwatched
  }

  get takesBackTwice(): boolean {
    return this.#host.traits.takesBackTwice === true
  }

  /** The pool's own release, for a client that has just been handed out. */
  get poolRelease(): GiveBack | undefined {
    const release = this.#host.giveBackOf(this.client)
    return release && this.#ownership.behind(release)
  }

  /** The connection is closed, and the client has no owner: the pool will not hand it out again. */
  get isOver(): boolean {
    return this.client._ended === true && this.checkout === undefined
  }

  isIdle(client: Client): boolean {
    return this.#host.isIdle(client)
  }

  sentByListener(): void {
    this.#host.sentByListener()
  }

  /** Calls listeners of the pool with the client: statements that they send, now or later, belong to no owner. */
  runListeners<Result>(call: () => Result): Result {
    return this.#statements.runListeners(call)
  }

  /** The pool is still using a client that it has announced. */
  staysIn(): void {
    this.#ownership.isUnclaimed = false
  }

  /** The pool hands out the client, to a caller that is not known yet. */
  goesOut(): void {
    this.#ownership.goesOut()
    if (!this.#ownership.isStirred) this.stir()
  }

  /** An untracked statement of `pool.query` gets the client. */
  pass(caller?: PassingCaller): void {
    this.#ownership.pass(caller)
  }

  /** Opens a checkout for an owner that got the client past the guard. */
  adopt(via: Via, stack: CapturedStack | undefined, scope: Scope | undefined): Checkout | undefined {
    const giveBack = this.#host.giveBackOf(this.client)
    this.#ownership.isUnclaimed = false
    // After an error the pool has closed the client already, and its last status means nothing.
    if (giveBack === undefined || this.#control.gone || this.#host.unwatched) return undefined
    const checkout = this.#ledger.request(this.#host.record, via, false, stack, scope)
    this.begin(checkout, giveBack)
    if (via === 'connect') {
      this.#ownership.isAdopted = true
      this.#host.adopted()
    }
    return checkout
  }

  /** The pool has the client back, released through the guard or past it. */
  cameBack(error: unknown): void {
    const { isAdopted, dropped } = this.#ownership
    if (isAdopted) this.#releases.releasedPast(error)
    // The owner has called the pool's own release of a client that a remedy has taken back meanwhile.
    else if (dropped?.phase === 'destroyed') this.#releases.release(dropped, () => {}, error)
  }

  /** A guarded caller has the client: nobody has got it past the guard. */
  claim(): void {
    const { isAdopted, checkout, giveBack, release } = this.#ownership
    if (!isAdopted || checkout === undefined) return
    if (this.client.release === release) this.client.release = giveBack
    this.#ledger.dismiss(checkout)
    this.#ownership.end()
  }

  /** Begins a checkout. Returns the release that the owner gets in place of the pool's own. */
  begin(checkout: Checkout, poolRelease: GiveBack): GiveBack {
    const { lost } = this.#ownership
    // Some pools set `release` once per client and not per checkout: there the last checkout's override may still be set.
    const giveBack = this.#ownership.behind(poolRelease)
    this.#ledger.acquired(checkout, this.#control)
    this.#control.session.inherit()
    this.#control.changes?.begin()
    const release: GiveBack = (error) => this.#releases.release(checkout, giveBack, error)
    this.#ownership.begin(checkout, giveBack, release)
    if (this.client.release === poolRelease) this.client.release = release
    if (lost !== undefined) this.#events.sessionEnded({ checkout, ...lost })
    return release
  }

  /** The owner releases the client through its pool, which has no release per checkout. */
  release(giveBack: GiveBack, error?: Error): unknown {
    const { checkout, released } = this.#ownership
    const owner = checkout ?? released
    if (owner === undefined) return giveBack()
    if (owner.phase !== 'returning') return this.#releases.release(owner, giveBack, error)
    // Such pools ignore a second release.
    this.#events.releasedAgain(owner, false)
    return undefined
  }

  /** The session is handed out for the first time. If a promise is returned, the owner gets the client after it. */
  arriving(): Promise<void> | undefined {
    return this.#events.arriving(this.#control)
  }

  /** A handle for the owner, which separates its calls from those of former owners. */
  handle(checkout: Checkout, release: GiveBack): Client {
    return checkedHandle(this.client, {
      checkout,
      release,
      owner: () => this.checkout,
      host: this.#host,
      events: this.#events,
      letPass: (send) => this.#statements.letPass(send),
    })
  }

  /** The next sweep has to visit it. */
  stir(): void {
    this.#ownership.isStirred = true
    this.#host.stirred(this)
  }

  /**
   * Called by the sweep after each that has stirred it. Returns whether the client is checked out past the guard, by an
   * owner without a known line.
   */
  sweep(): boolean {
    const ownership = this.#ownership
    ownership.isStirred = false
    const isForgotten = ownership.forgetReleased()
    const isUnseen = ownership.staysUnclaimed() && this.#adoptUnclaimed()
    if (!isForgotten || ownership.isUnclaimed) this.stir()
    return isUnseen
  }

  #adoptUnclaimed(): boolean {
    if (!this.isIdle(this.client)) return this.adopt('connect', undefined, undefined) !== undefined
    this.#ownership.isUnclaimed = false
    return false
  }

  /** Restores the client's own methods. If its owner has not noticed a remedy yet, the fence stays. */
  unguard(): void {
    const { client } = this
    const { checkout, giveBack, release, unclean } = this.#ownership
    const fenced = this.#control.raised !== undefined && !this.#control.gone
    if (checkout?.phase === 'returning' || fenced) return
    if (release !== undefined && client.release === release) {
      client.release = giveBack
      noteRestored(release, giveBack)
    }
    if (checkout !== undefined) this.#ledger.dismiss(checkout)
    this.#ownership.end()
    for (const released of unclean.takeAll()) this.#ledger.dismiss(released.checkout)
    this.#statements.leave()
    this.#wire.leave()
    this.#control.wake()
  }

  /** Tracks a statement of `pool.query` that has opened a transaction unexpectedly. */
  #track(query: SubmittedQuery | undefined): void {
    const checkout = this.adopt('pool.query', undefined, undefined)
    if (checkout === undefined) return
    this.#control.session.inherited = false
    checkout.noteQuery(statementText(query))
  }

  #takeBack(error: Error): void {
    const { checkout, giveBack, isAdopted } = this.#ownership
    if (checkout === undefined || giveBack === undefined) return
    this.#ownership.end()
    // If owners release through the pool, a later release is attributed by this.
    this.#ownership.released = checkout
    this.stir()
    this.#ledger.destroyed(checkout)
    if (isAdopted) this.#ownership.dropped = checkout
    this.#ledger.detached(() => {
      if (!isAdopted || !this.#host.drop(this.client)) this.#host.destroy(this.client, error, giveBack)
    })
    this.#control.expectFarewell(this.#ledger.clock)
  }
}

excludeInBundle(GuardedClient)
