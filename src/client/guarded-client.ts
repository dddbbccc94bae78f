import type { Checkout, CheckoutPool } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import type { Ledger } from '../core/ledger.ts'
import { noteRestored } from '../core/restored-release.ts'
import { statementText } from '../sql/statement.ts'
import { Control } from './control.ts'
import { checkedHandle } from './handle.ts'
import { Ownership } from './ownership.ts'
import { type ReleaseHost, Releases } from './releases.ts'
import { OwnerStatements, type StatementHost } from './statements.ts'
import type { Client, GiveBack, SubmittedQuery } from './types.ts'
import { Wire } from './wire.ts'
import { pendingQueries } from './work.ts'

/** What a guarded client needs of the pool that it came from. */
export interface ClientHost extends StatementHost {
  readonly record: CheckoutPool
  /** The pool's `stream` option. */
  readonly stream: unknown
  /** The pool runs statements of the application's on each new client. */
  readonly setUpByHost: boolean
  /** Frees the slot of a client that its owner still has, and closes its session. */
  destroy(client: Client, error: Error, giveBack: GiveBack): void
}

/**
 * One pooled client under guard, from the first time the watched pool hands it out until it is gone. It stays the
 * client that the application knows: `query` and, during a checkout, `release` are overridden on the object itself.
 *
 * Its parts: {@link Wire} follows what the server says, {@link OwnerStatements} meets what owners send,
 * {@link Releases} judges how they give the client back, and {@link Ownership} is what the three know of who has it.
 */
export class GuardedClient implements ReleaseHost {
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
      takeBack: (error) => this.#takeBack(error),
      learned: () => this.#host.unwatched && this.unguard(),
    })
    // What goes on already is no owner's that the guard knows, and nobody can say since when.
    this.#control.session.since = ledger.time.now()
    this.#statements = new OwnerStatements(this.#control, ownership, host, events, ledger.time)
    this.#releases = new Releases(this.#control, ownership, this, ledger, events)
    this.#wire = new Wire(this.#control, ownership, ledger, events, {
      settled: () => this.#releases.settle(),
      openedInPassing: (query) => this.#adopt(query),
    })
  }

  /** Whom the client is out to. */
  get checkout(): Checkout | undefined {
    return this.#ownership.checkout
  }

  get unwatched(): boolean {
    return this.#host.unwatched
  }

  /** A statement of `pool.query` gets the client, which is not tracked. */
  pass(): void {
    this.#ownership.isPassing = true
  }

  /** The pool has handed the client out. Returns the release that the owner gets in place of the pool's own. */
  begin(checkout: Checkout, giveBack: GiveBack): GiveBack {
    this.#ledger.acquired(checkout, this.#control)
    this.#control.session.inherit()
    this.#control.changes?.begin()
    const release: GiveBack = (error) => this.#releases.release(checkout, giveBack, error)
    this.#ownership.begin(checkout, giveBack, release)
    if (this.client.release === giveBack) this.client.release = release
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

  forgetReleased(): void {
    this.#ownership.forgetReleased()
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
  #adopt(query: SubmittedQuery | undefined): void {
    const giveBack = this.client.release
    // After an error the pool has closed the client already; its last status says nothing any more.
    if (giveBack === undefined || this.#control.gone) return
    const checkout = this.#ledger.request(this.#host.record, 'pool.query', false, undefined, undefined)
    this.begin(checkout, giveBack)
    this.#control.session.inherited = false
    checkout.noteQuery(statementText(query))
  }

  #takeBack(error: Error): void {
    const { checkout, giveBack } = this.#ownership
    if (checkout === undefined || giveBack === undefined) return
    this.#ownership.end()
    // Where owners release through the pool, it is known by this whose release comes later.
    this.#ownership.released = checkout
    this.#ledger.destroyed(checkout)
    this.#ledger.detached(() => this.#host.destroy(this.client, error, giveBack))
    this.#control.expectFarewell(this.#ledger.clock)
  }
}
