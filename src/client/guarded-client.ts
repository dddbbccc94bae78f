import type { Checkout, CheckoutPool, Via } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import type { Ledger } from '../core/ledger.ts'
import type { CapturedStack } from '../core/origin/origin.ts'
import { noteRestored } from '../core/restored-release.ts'
import type { Scope } from '../core/scope.ts'
import { statementText } from '../sql/statement.ts'
import { Control } from './control.ts'
import { checkedHandle } from './handle.ts'
import { Ownership, type PassingCaller } from './ownership.ts'
import { type ReleaseHost, Releases } from './releases.ts'
import { OwnerStatements, type StatementHost } from './statements.ts'
import type { StatementTagger } from './tag.ts'
import type { Client, GiveBack, SubmittedQuery } from './types.ts'
import { Wire } from './wire.ts'
import { pendingQueries } from './work.ts'

/** What a guarded client needs of the pool that it came from. */
export interface ClientHost extends Omit<StatementHost, 'adopt'> {
  readonly record: CheckoutPool
  /** The pool's `stream` option. */
  readonly stream: unknown
  /** The pool runs statements of the application's on each new client. */
  readonly setUpByHost: boolean
  /** Frees the slot of a client that its owner still has, and closes its session. */
  destroy(client: Client, error: Error, giveBack: GiveBack): void
  /** The same for an owner that has the pool's own release; returns false where the pool has no way. */
  drop(client: Client): boolean
  /** An owner was found that has got its client past the guard. */
  adopted(): void
  /** The pool's own release of a client that is out. */
  giveBackOf(client: Client): GiveBack | undefined
}

/**
 * One pooled client under guard, from the first time the watched pool hands it out until it is gone. It stays the
 * client that the application knows: `query` and, during a checkout, `release` are overridden on the object itself.
 *
 * Its parts: {@link Wire} follows what the server says, {@link OwnerStatements} meets what owners send,
 * {@link Releases} judges how they give the client back, and {@link Ownership} is what the three know of who has it.
 */
export class GuardedClient implements ReleaseHost, StatementHost {
  readonly client: Client
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
    this.#host = host
    this.#ledger = ledger
    this.#events = events
    const ownership = new Ownership(pendingQueries(client))
    this.#ownership = ownership
    this.#control = new Control(client, {
      stream: host.stream,
      setUpByHost: host.setUpByHost,
      tracksState: events.sessionState !== 'ignored',
      clock: ledger.clock,
      foreign: ownership.foreign,
      takeBack: (error) => this.#takeBack(error),
      learned: () => this.#host.unwatched && this.unguard(),
    })
    // What goes on already is no owner's that the guard knows, and nobody can say since when.
    this.#control.session.since = ledger.time.now()
    this.#statements = new OwnerStatements(this.#control, ownership, this, events, ledger)
    this.#releases = new Releases(this.#control, ownership, this, ledger, events)
    this.#wire = new Wire(this.#control, ownership, ledger, events, {
      settled: () => this.#releases.settle(),
      openedInPassing: (query) => this.#track(query),
    })
  }

  /** Whom the client is out to. */
  get checkout(): Checkout | undefined {
    return this.#ownership.checkout
  }

  get unwatched(): boolean {
    return this.#host.unwatched
  }

  get capturesQueries(): boolean {
    return this.#host.capturesQueries
  }

  get tagged(): StatementTagger {
    return this.#host.tagged
  }

  isIdle(client: Client): boolean {
    return this.#host.isIdle(client)
  }

  sentByListener(): void {
    this.#host.sentByListener()
  }

  /** Calls listeners of the pool with the client: what they send, now or later, is no owner's. */
  runListeners<Result>(call: () => Result): Result {
    return this.#statements.runListeners(call)
  }

  /** The pool still works on a client that it has announced. */
  staysIn(): void {
    this.#ownership.isUnclaimed = false
  }

  /** The pool hands the client out, to a caller that is not known yet. */
  goesOut(): void {
    this.#ownership.goesOut()
  }

  /** A statement of `pool.query` gets the client, which is not tracked. */
  pass(caller?: PassingCaller): void {
    this.#ownership.pass(caller)
  }

  /** The client is out to an owner that got it past the guard. */
  adopt(via: Via, stack: CapturedStack | undefined, scope: Scope | undefined): Checkout | undefined {
    const giveBack = this.#host.giveBackOf(this.client)
    this.#ownership.isUnclaimed = false
    // After an error the pool has closed the client already; its last status says nothing any more.
    if (giveBack === undefined || this.#control.gone || this.#host.unwatched) return undefined
    const checkout = this.#ledger.request(this.#host.record, via, false, stack, scope)
    this.begin(checkout, giveBack)
    if (via === 'connect') {
      this.#ownership.isAdopted = true
      this.#host.adopted()
    }
    return checkout
  }

  /** The pool has got the client back, by whatever way. */
  cameBack(error: unknown): void {
    const { isAdopted, dropped } = this.#ownership
    if (isAdopted) this.#releases.releasedPast(error)
    // The pool's own release, of a client that a remedy has taken back since.
    else if (dropped?.phase === 'destroyed') this.#releases.release(dropped, () => {}, error)
  }

  /** The caller that was on its way has the client: nobody else has got it past the guard. */
  claim(): void {
    const { isAdopted, checkout, giveBack, release } = this.#ownership
    if (!isAdopted || checkout === undefined) return
    if (this.client.release === release) this.client.release = giveBack
    this.#ledger.dismiss(checkout)
    this.#ownership.end()
  }

  /** The pool has handed the client out. Returns the release that the owner gets in place of the pool's own. */
  begin(checkout: Checkout, poolRelease: GiveBack): GiveBack {
    const { lost } = this.#ownership
    // A pool that gives a client its release once, and not at each checkout, has the guard's of the last one in its place.
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

  /** The owner gives the client back through its pool, which has no release of its own for each checkout. */
  release(giveBack: GiveBack, error?: Error): unknown {
    const { checkout, released } = this.#ownership
    const owner = checkout ?? released
    if (owner === undefined) return giveBack()
    if (owner.phase !== 'returning') return this.#releases.release(owner, giveBack, error)
    // Such pools answer a second release with silence.
    this.#events.releasedAgain(owner, false)
    return undefined
  }

  /** The session is handed out for the first time. A promise: its owner gets it when that is settled. */
  arriving(): Promise<void> | undefined {
    return this.#events.arriving(this.#control)
  }

  /** What the owner gets in place of the client, where calls of former owners must not be taken for its own. */
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

  /** Called by each sweep. Returns whether an owner was found that has the client past the guard, without a line of it. */
  sweep(): boolean {
    this.#ownership.forgetReleased()
    if (!this.#ownership.staysUnclaimed()) return false
    if (!this.isIdle(this.client)) return this.adopt('connect', undefined, undefined) !== undefined
    this.#ownership.isUnclaimed = false
    return false
  }

  /** Puts the client back as it was found. One whose owner still has to learn of a remedy keeps its fence. */
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

  /** A statement of `pool.query` that did not look like it has opened a transaction: from now on it is tracked. */
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
    // Where owners release through the pool, it is known by this whose release comes later.
    this.#ownership.released = checkout
    this.#ledger.destroyed(checkout)
    if (isAdopted) this.#ownership.dropped = checkout
    this.#ledger.detached(() => {
      if (!isAdopted || !this.#host.drop(this.client)) this.#host.destroy(this.client, error, giveBack)
    })
    this.#control.expectFarewell(this.#ledger.clock)
  }
}
