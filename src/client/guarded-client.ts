import type { Checkout, CheckoutPool } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import type { Work } from '../core/client-control.ts'
import type { Release } from '../core/findings/rule.ts'
import type { Ledger } from '../core/ledger.ts'
import { setStackDepth } from '../core/origin/origin.ts'
import { noteRestored } from '../core/restored-release.ts'
import { statementText } from '../sql/statement.ts'
import { PgControl } from './control.ts'
import { checkedHandle } from './handle.ts'
import { Override } from './override.ts'
import { refuse } from './refusal.ts'
import { commitLost, statusLetter } from './session-transaction.ts'
import { OwnerStatements, type StatementHost } from './statements.ts'
import type { StatementTagger } from './tag.ts'
import type { Client, SubmittedQuery } from './types.ts'
import { UncleanReleases, type UnsettledRelease } from './unclean-releases.ts'
import { activeQuery, answerOf, isFollowed, pendingQueries } from './work.ts'

type PgRelease = (error?: unknown) => unknown

/** What a guarded client needs of the pool that it came from. */
export interface ClientHost extends StatementHost {
  readonly record: CheckoutPool
  /** The pool's `stream` option. */
  readonly stream: unknown
  /** The pool runs statements of the application's on each new client. */
  readonly setUpByHost: boolean
  readonly tagged: StatementTagger
}

/**
 * One pooled client under guard, from the first time the watched pool hands it out until it is gone. It stays the
 * client that the application knows: `query` and, during a checkout, `release` are overridden on the object itself.
 *
 * Listeners on the connection run before the driver's own, so that a callback which releases the client already finds
 * the right state.
 */
export class GuardedClient {
  readonly client: Client
  readonly #host: ClientHost
  readonly #ledger: Ledger
  readonly #events: CheckoutEvents
  readonly #query: Override
  readonly #control: PgControl
  readonly #statements: OwnerStatements
  /** Whom the client is out to. */
  checkout: Checkout | undefined
  /** Out to a statement of `pool.query` that is not tracked: from when it gets the client until it is answered. */
  isPassing = false
  #pgRelease: PgRelease | undefined
  #release: PgRelease | undefined
  /** Released before the server had answered: the next ReadyForQuery tells what state it was in. */
  #unsettled: UnsettledRelease | undefined
  readonly #unclean: UncleanReleases
  #fatal: string | undefined
  /** The last checkout that is over. Its stack, which keeps the caller's closures alive, is needed if it is released again. */
  #released: Checkout | undefined
  #releasedBefore: Checkout | undefined

  constructor(client: Client, host: ClientHost, ledger: Ledger, events: CheckoutEvents) {
    this.client = client
    this.#host = host
    this.#ledger = ledger
    this.#events = events
    const guard = this
    this.#query = new Override(
      client,
      'query',
      (original) =>
        function (this: unknown, ...args: unknown[]) {
          const fence = guard.#control.raised
          // Nothing at all is a mistake that the driver itself answers.
          if (fence !== undefined && args[0] != null) return guard.#control.meetFence(fence, args)
          const checkout = guard.checkout
          const refusal = guard.#statements.meetLateUse(checkout, guard.#released)
          if (refusal !== undefined) return refuse(client, refusal, args)
          if (checkout !== undefined) {
            const depth = guard.#statements.note(checkout, args[0])
            if (depth > 0) {
              const before = setStackDepth(depth)
              const stack = new Error()
              setStackDepth(before)
              guard.#statements.noteStack(checkout, stack)
            }
          }
          return Reflect.apply(original, this, checkout === undefined ? args : host.tagged(checkout, args))
        },
    )
    this.#control = new PgControl(client, {
      query: this.#query.original,
      stream: host.stream,
      setUpByHost: host.setUpByHost,
      tracksState: events.sessionState !== 'ignored',
      sending: () => this.#statements.noteSending(this.checkout),
      takeBack: (error) => this.#takeBack(error),
      learned: () => this.#host.unwatched && this.unguard(),
    })
    this.#statements = new OwnerStatements(this.#control, host, events, ledger.time)
    // What goes on already is no owner's that the guard knows, and nobody can say since when.
    this.#control.session.since = ledger.time.now()
    this.#unclean = new UncleanReleases(pendingQueries(client))
    client.on?.('error', this.#onError)
    client.on?.('end', this.#onEnd)
    client.connection?.prependListener('readyForQuery', this.#onReady)
    client.connection?.prependListener('errorMessage', this.#onErrorMessage)
  }

  /** The pool has handed the client out. Returns the release that the owner gets. */
  begin(checkout: Checkout): PgRelease | undefined {
    const pgRelease = this.client.release
    if (pgRelease === undefined) return undefined
    this.#ledger.acquired(checkout, this.#control)
    this.checkout = checkout
    this.#pgRelease = pgRelease
    this.#control.session.inherit()
    this.#control.changes?.begin()
    const release = (error?: unknown) => this.#onRelease(checkout, pgRelease, error)
    this.#release = release
    this.client.release = release
    return release
  }

  /** The session is handed out for the first time. A promise: its owner gets it when that is settled. */
  arriving(): Promise<void> | undefined {
    return this.#events.arriving(this.#control)
  }

  /** What the owner gets in place of the client, where former owners are to be told from it. */
  handle(checkout: Checkout, release: PgRelease): Client {
    const owner = () => this.checkout
    return checkedHandle(this.client, {
      checkout,
      release,
      owner,
      host: this.#host,
      events: this.#events,
      letPass: (send) => this.#statements.letPass(send),
    })
  }

  /** Lets go of the last checkout's stack once it has been over for a whole sweep: `client.release` still leads to it. */
  forgetReleased(): void {
    if (this.#released !== undefined && this.#released === this.#releasedBefore)
      this.#released.stack = undefined
    this.#releasedBefore = this.#released
  }

  /** Puts the client back as it was found. One whose owner still has to learn of a remedy keeps its fence. */
  unguard(): void {
    const { client } = this
    const checkout = this.checkout
    const fenced = this.#control.raised !== undefined && !this.#control.gone
    if (checkout?.phase === 'returning' || fenced) return
    if (this.#release !== undefined && client.release === this.#release) {
      client.release = this.#pgRelease
      noteRestored(this.#release, this.#pgRelease)
    }
    if (checkout !== undefined) this.#ledger.dismiss(checkout)
    this.#leave()
    for (const released of this.#unclean.takeAll()) this.#ledger.dismiss(released)
    this.#query.restore()
    client.removeListener?.('error', this.#onError)
    client.removeListener?.('end', this.#onEnd)
    client.connection?.removeListener('readyForQuery', this.#onReady)
    client.connection?.removeListener('errorMessage', this.#onErrorMessage)
    this.#control.wake()
  }

  readonly #onReady = (message: unknown): void => {
    const letter = statusLetter(message)
    const checkout = this.checkout
    const sentAt = checkout?.noteAnswer(this.#ledger.time.now())
    const { session, changes } = this.#control
    if (changes?.touched === true) changes.answered(answerOf(activeQuery(this.client)), letter)
    if (letter !== 'I' || session.letter !== 'I' || session.isOpening) {
      this.#noteTransaction(letter, checkout, sentAt)
    }
    if (this.isPassing && !isFollowed(this.client)) this.isPassing = false
    if (this.#unsettled !== undefined) this.#settle(this.#unsettled)
    if (!this.#unclean.isEmpty) {
      for (const clean of this.#unclean.answered(letter)) {
        this.#events.cleaned(clean, 'its session is clean again')
      }
    }
    this.#control.wake()
  }

  #noteTransaction(letter: string, checkout: Checkout | undefined, sentAt: number | undefined): void {
    const { session } = this.#control
    const query = activeQuery(this.client)
    const failed = session.letter === 'E'
    const now = this.#ledger.time.now()
    const change = session.note(letter, query, this.#unsettled?.checkout.busySince ?? sentAt ?? now, now)
    if (change !== undefined) checkout?.noteTransaction(change, now)
    if (change === 'opened') {
      // A statement that a former owner left behind has opened the transaction, not the present owner.
      if (!this.#unclean.isEmpty || this.#unsettled !== undefined) session.inherited = true
      else if (checkout === undefined && this.isPassing) this.#adopt(query)
      return
    }
    const sender = this.#unclean.senderOf(checkout)
    if (failed && sender !== undefined && commitLost(query)) this.#events.commitAnswered(sender)
    if (change === 'ended' && checkout?.reported) this.#events.transactionEnded(checkout)
  }

  /** A statement of `pool.query` that did not look like it has opened a transaction: from now on it is tracked. */
  #adopt(query: SubmittedQuery | undefined): void {
    // After an error the pool has closed the client already; its last status says nothing any more.
    if (this.client.release === undefined || this.#control.gone) return
    const checkout = this.#ledger.request(this.#host.record, 'pool.query', false, undefined, undefined)
    this.begin(checkout)
    this.#control.session.inherited = false
    checkout.noteQuery(statementText(query))
  }

  #settle({ checkout, inherited }: UnsettledRelease): void {
    this.#unsettled = undefined
    const release = { ...this.#describeRelease(checkout, 'none', true), inherited }
    const left = this.#events.releasedAs(release) === 'left'
    if (left && release.transaction !== 'idle') this.#unclean.add(checkout, 0)
    checkout.forget()
  }

  readonly #onErrorMessage = (message: unknown): void => {
    if (this.checkout !== undefined) this.checkout.lastQueryFailed = true
    this.#control.changes?.failed(statementText(activeQuery(this.client)))
    const { severity, code } = (message ?? {}) as { severity?: unknown; code?: unknown }
    if (severity !== 'FATAL' || typeof code !== 'string') return
    this.#fatal = code
    // The statement in flight rejects now, and its owner may release before the driver tells that the connection is lost.
    this.#noteEnd(message)
  }

  readonly #onError = (error: unknown): void => this.#noteEnd(error)

  #noteEnd(error: unknown): void {
    const checkout = this.checkout
    if (checkout === undefined || this.client._ending === true) return
    const reason = error instanceof Error ? error : new Error(String(error))
    this.#events.sessionEnded({ checkout, error: reason, sqlState: this.#fatal })
    this.#control.session.end()
  }

  readonly #onEnd = (): void => {
    this.#control.session.end()
    const checkout = this.checkout
    if (checkout !== undefined && checkout.reported !== 0) this.#events.transactionEnded(checkout)
    for (const released of this.#unclean.takeAll()) this.#events.cleaned(released, 'its session was closed')
    this.#control.wake()
  }

  #onRelease(checkout: Checkout, pgRelease: PgRelease, error: unknown): unknown {
    switch (checkout.phase) {
      case 'out':
        break
      case 'destroyed':
        checkout.phase = 'over' // Once: another one is a second release like any other.
        this.#events.releasedLate(checkout)
        return undefined
      case 'returning':
        this.#events.releasedAgain(checkout, false)
        throw new Error('Release called on client which has already been released to the pool.')
      default:
        if (!this.#host.unwatched) this.#events.releasedAgain(checkout, false)
        return pgRelease(error)
    }
    return !error && this.#control.isPlain() && this.#events.sessionState !== 'by query'
      ? this.#giveBack(checkout, pgRelease, error)
      : this.#releaseWithCare(checkout, pgRelease, error)
  }

  #releaseWithCare(checkout: Checkout, pgRelease: PgRelease, error: unknown): unknown {
    const control = this.#control
    if (control.raised !== undefined) {
      // A remedy is at work, or was: the client goes back when it is done with it.
      const settled = control.raised.settled.then(() => 'proceed' as const)
      return this.#hold(checkout, pgRelease, error, settled)
    }
    // The pool closes a client that is released with an error, or that is closed already: nobody inherits anything.
    // An owner that has sent nothing is not to blame for what a former one has left behind.
    if (error || control.gone || checkout.queryCount === 0) return this.#giveBack(checkout, pgRelease, error)
    const work = control.work()
    const settled = work !== 'none' || control.isReady()
    if (!settled && !this.#events.holdsReleases(control, this.client.pipeline === true)) {
      this.#events.leavingState(checkout, control)
      this.#unsettled = { checkout, inherited: this.#control.session.inherited }
      return this.#giveBack(checkout, pgRelease, error)
    }
    const release = this.#describeRelease(checkout, work, settled)
    const verdict = this.#events.releasing(release)
    if (verdict !== 'proceed') return this.#hold(checkout, pgRelease, error, verdict)
    // A transaction that it has inherited is somebody else's finding; what it has left running is its own.
    const isDirty = release.transaction !== 'idle' && !release.inherited
    const unanswered = work === 'none' ? 0 : pendingQueries(this.client)
    if (unanswered > 0 || isDirty) this.#unclean.add(checkout, unanswered)
    return this.#giveBack(checkout, pgRelease, error)
  }

  #describeRelease(checkout: Checkout, work: Work, settled: boolean): Release {
    const { transaction, session } = this.#control
    return { checkout, control: this.#control, work, transaction, settled, inherited: session.inherited }
  }

  #hold(
    checkout: Checkout,
    pgRelease: PgRelease,
    error: unknown,
    verdict: Promise<'proceed' | 'destroyed'>,
  ): undefined {
    // A remedy that has nothing to wait for has destroyed the client already. The owner may not release it again.
    checkout.phase = checkout.phase === 'out' ? 'returning' : 'over'
    void verdict.then(() => {
      if (checkout.phase !== 'returning') {
        checkout.phase = 'over'
        this.#ledger.releasedLate(checkout)
        return
      }
      this.#control.raised = undefined
      this.#giveBack(checkout, pgRelease, error)
    })
  }

  #giveBack(checkout: Checkout, pgRelease: PgRelease, error: unknown): unknown {
    const unsettled = this.#unsettled?.checkout === checkout
    this.#leave()
    this.#ledger.closed(checkout, unsettled)
    this.#released = checkout
    if (this.#host.unwatched) this.unguard()
    // The pool may set timers, and open a connection for the next in line.
    return this.#ledger.detached(() => pgRelease(error))
  }

  #takeBack(error: Error): void {
    const checkout = this.checkout
    const pgRelease = this.#pgRelease
    if (checkout === undefined || pgRelease === undefined) return
    this.#leave()
    this.#ledger.destroyed(checkout)
    this.#ledger.detached(() => pgRelease(error))
    this.#control.expectFarewell(this.#ledger.clock)
  }

  #leave(): void {
    this.checkout = undefined
    this.#pgRelease = undefined
    this.#release = undefined
  }
}
