import type { Checkout, CheckoutPool } from '../core/checkout.ts'
import type { ClientControl, Fence, Work } from '../core/client-control.ts'
import type { Ledger } from '../core/ledger.ts'
import type { Observer } from '../core/observer.ts'
import { type CapturedStack, captureShallowStack, captureStack } from '../core/origin.ts'
import type { Release } from '../core/rule.ts'
import { isCommit, opensTransaction, statementText } from '../core/statement.ts'
import { type TransactionStatus, transactionStatus } from '../core/transaction.ts'
import { Override } from './override.ts'
import { cancelRunning } from './pg-cancel.ts'
import { admits, deferred, refuse, translateFailure } from './pg-refusal.ts'
import type { Client, SubmittedQuery } from './pg-types.ts'
import { activeQuery, queuedQueries, workOf } from './pg-work.ts'
import { SessionTransaction, statusLetter } from './session-transaction.ts'

type PgRelease = (error?: unknown) => unknown

/** How long a destroyed client may take to close its connection in good order. */
const farewellMillis = 2000

/** What a guarded client needs of the pool that it came from. */
export interface ClientHost {
  readonly record: CheckoutPool
  /** The pool's `stream` option. */
  readonly stream: unknown
  /** Stacks taken at `connect()` do not reach the user's code here (an ORM is in between): the first query's may. */
  readonly capturesFirstQuery: boolean
  /** The guard has been taken off the pool; checkouts made under it may still come back. */
  readonly unwatched: boolean
}

/**
 * One pooled client under guard, from the first time the watched pool hands it out until it is gone. It stays the
 * client that the application knows: `query` and, during a checkout, `release` are overridden on the object itself.
 *
 * The state of the transaction is taken from ReadyForQuery, the only message that tells the truth, by a listener that
 * runs before the driver's own, so that a callback which releases the client already finds the right state.
 */
export class GuardedClient implements ClientControl {
  readonly client: Client
  readonly #host: ClientHost
  readonly #ledger: Ledger
  readonly #observer: Observer
  readonly #query: Override
  #checkout: Checkout | undefined
  #pgRelease: PgRelease | undefined
  #release: PgRelease | undefined
  #fence: Fence | undefined
  readonly #transaction: SessionTransaction
  /** Released before the server had answered: the next ReadyForQuery tells what state it was in. */
  #unsettled: Checkout | undefined
  /** Released dirty or busy, each with a finding that is open until the session is clean again. */
  #unclean: Checkout[] = []
  #fatal: string | undefined
  #waiting: (() => void)[] = []

  constructor(client: Client, host: ClientHost, ledger: Ledger, observer: Observer) {
    this.client = client
    this.#host = host
    this.#ledger = ledger
    this.#observer = observer
    this.#transaction = new SessionTransaction(client.getTransactionStatus?.())
    const guarded = this
    this.#query = new Override(
      client,
      'query',
      (original) =>
        function (this: unknown, ...args: unknown[]) {
          const fence = guarded.#fence
          if (fence !== undefined) return guarded.#meetFence(fence, args)
          const checkout = guarded.#checkout
          if (checkout !== undefined) guarded.#noteQuery(checkout, args[0])
          return Reflect.apply(original, this, args)
        },
    )
    client.on?.('error', this.#onError)
    client.on?.('end', this.#onEnd)
    client.connection?.prependListener('readyForQuery', this.#onReady)
    client.connection?.prependListener('errorMessage', this.#onErrorMessage)
  }

  get checkout(): Checkout | undefined {
    return this.#checkout
  }

  get pid(): number | undefined {
    const { processID } = this.client
    return typeof processID === 'number' ? processID : undefined
  }

  get gone(): boolean {
    const { _queryable, _ending, _ended } = this.client
    return _queryable === false || _ending === true || _ended === true
  }

  get transaction(): TransactionStatus {
    const { letter } = this.#transaction
    return letter === 'I' || this.gone ? 'idle' : transactionStatus(letter)
  }

  get transactionSince(): number {
    return this.#transaction.since
  }

  get transactionStack(): CapturedStack | undefined {
    return this.#transaction.stack
  }

  work(): Work {
    return this.gone ? 'none' : workOf(this.client)
  }

  isReady(): boolean {
    return this.client.readyForQuery !== false || this.gone
  }

  async whenReady(): Promise<void> {
    while (!this.gone && (!this.isReady() || this.work() !== 'none')) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  run(statement: string): Promise<void> {
    if (this.#checkout !== undefined) this.#checkout.busySince = this.#ledger.time.now()
    return new Promise((resolve, reject) => {
      const done = (error: unknown) => (error ? reject(error) : resolve())
      Reflect.apply(this.#query.original, this.client, [statement, done])
    })
  }

  cancel(): Promise<void> {
    return cancelRunning(this.client, this.#host.stream)
  }

  fence(fence: Fence): void {
    this.#fence = fence
    const queued = queuedQueries(this.client).splice(0)
    for (const query of queued) {
      process.nextTick(() => query.handleError?.(fence.refusal(), this.client.connection))
    }
    const active = activeQuery(this.client)
    if (active !== undefined) translateFailure(active, fence)
    for (const query of this.client._sentQueryQueue ?? []) translateFailure(query, fence)
  }

  liftFence(): void {
    this.#fence = undefined
  }

  destroy(error: Error): void {
    const checkout = this.#checkout
    const pgRelease = this.#pgRelease
    if (checkout === undefined || pgRelease === undefined) return
    this.#leave()
    this.#ledger.destroyed(checkout)
    pgRelease(error)
    this.#ledger.clock.schedule(() => {
      // The driver says goodbye and waits for the server to hang up, which a dead peer never does.
      if (this.client._ended !== true) this.client.connection?.stream.destroy()
    }, farewellMillis)
  }

  /** The pool has handed the client out. Returns the release that the owner gets. */
  begin(checkout: Checkout): PgRelease | undefined {
    const { client } = this
    const pgRelease = client.release
    if (pgRelease === undefined) return undefined
    this.#ledger.acquired(checkout, this)
    this.#checkout = checkout
    this.#pgRelease = pgRelease
    this.#transaction.inherited = this.#transaction.letter !== 'I'
    const release = (error?: unknown) => this.#onRelease(checkout, pgRelease, error)
    this.#release = release
    client.release = release
    return release
  }

  /** Puts the client back as it was found. One whose owner still has to learn of a remedy keeps its fence. */
  unguard(): void {
    const { client } = this
    const checkout = this.#checkout
    if (checkout?.phase === 'returning' || (this.#fence !== undefined && !this.gone)) return
    if (client.release === this.#release) client.release = this.#pgRelease
    if (checkout !== undefined) this.#ledger.closed(checkout, false, 'the pool is no longer watched')
    this.#leave()
    this.#query.restore()
    client.removeListener?.('error', this.#onError)
    client.removeListener?.('end', this.#onEnd)
    client.connection?.removeListener('readyForQuery', this.#onReady)
    client.connection?.removeListener('errorMessage', this.#onErrorMessage)
    this.#wake()
  }

  #noteQuery(checkout: Checkout, config: unknown): void {
    if (this.client.readyForQuery !== false) checkout.busySince = this.#ledger.time.now()
    checkout.queryCount += 1
    checkout.lastQueryFailed = false
    const text = statementText(config)
    checkout.lastQuery = text
    if (text !== undefined && opensTransaction(text)) this.#transaction.openingStack = captureShallowStack()
    if (checkout.queryCount === 1 && this.#host.capturesFirstQuery) checkout.firstQueryStack = captureStack()
  }

  #meetFence(fence: Fence, args: readonly unknown[]): unknown {
    if (args[0] === null || args[0] === undefined || !admits(fence, args[0])) {
      return refuse(this.client, fence.refusal(), args)
    }
    return deferred(fence.settled, args, () => {
      if (this.#fence === fence) {
        this.#fence = undefined
        fence.lifted()
      }
      return Reflect.apply(this.client.query, this.client, args)
    })
  }

  readonly #onReady = (message: unknown): void => {
    const letter = statusLetter(message)
    const checkout = this.#checkout
    let sentAt = 0
    let now = 0
    if (checkout !== undefined) {
      now = this.#ledger.time.now()
      sentAt = checkout.busySince
      checkout.busyMillis += now - sentAt
      checkout.busySince = now
      checkout.idleSince = now
    }
    if (letter !== 'I' || this.#transaction.letter !== 'I')
      this.#noteTransaction(letter, checkout, sentAt, now)
    if (this.#unsettled !== undefined) this.#settle(this.#unsettled)
    if (this.#unclean.length > 0 && letter === 'I') this.#cleaned('its transaction has ended')
    if (this.#waiting.length > 0) this.#wake()
  }

  #noteTransaction(letter: string, checkout: Checkout | undefined, sentAt: number, now: number): void {
    const query = activeQuery(this.client)
    const failed = this.#transaction.letter === 'E'
    const time = checkout === undefined ? this.#ledger.time.now() : now
    const change = this.#transaction.note(letter, query, this.#unsettled?.busySince ?? (sentAt || time), time)
    if (change === 'opened') {
      // A statement that an owner left running when it released has opened the transaction, not the present owner.
      if (this.#unclean.length > 0) this.#transaction.inherited = true
      else if (checkout === undefined && this.#unsettled === undefined) this.#adopt(query)
      return
    }
    if (checkout === undefined) return
    if (failed && commitLost(query)) this.#observer.commitAnswered(checkout)
    if (change === 'ended' && checkout.reported !== 0) this.#observer.transactionEnded(checkout)
  }

  /** A statement of `pool.query` that did not look like it has opened a transaction: from now on it is tracked. */
  #adopt(query: SubmittedQuery | undefined): void {
    if (this.client.release === undefined) return
    const checkout = this.#ledger.request(this.#host.record, 'pool.query', false, undefined)
    this.begin(checkout)
    this.#transaction.inherited = false
    checkout.queryCount = 1
    checkout.lastQuery = statementText(query)
  }

  #settle(checkout: Checkout): void {
    this.#unsettled = undefined
    const release = this.#describeRelease(checkout, 'none', true)
    this.#observer.releasedAs(release)
    if (release.transaction !== 'idle') this.#unclean.push(checkout)
    checkout.forget()
  }

  #cleaned(how: string): void {
    for (const checkout of this.#unclean.splice(0)) this.#observer.cleaned(checkout, how)
  }

  readonly #onErrorMessage = (message: unknown): void => {
    if (this.#checkout !== undefined) this.#checkout.lastQueryFailed = true
    if (typeof message !== 'object' || message === null) return
    const { severity, code } = message as { severity?: unknown; code?: unknown }
    if (severity === 'FATAL' && typeof code === 'string') this.#fatal = code
  }

  readonly #onError = (error: unknown): void => {
    const checkout = this.#checkout
    if (checkout === undefined || this.client._ending === true) return
    this.#observer.sessionEnded({
      checkout,
      error: error instanceof Error ? error : new Error(String(error)),
      sqlState: this.#fatal,
    })
  }

  readonly #onEnd = (): void => {
    this.#cleaned('its session was closed')
    this.#wake()
  }

  #onRelease(checkout: Checkout, pgRelease: PgRelease, error: unknown): unknown {
    switch (checkout.phase) {
      case 'out':
        break
      case 'destroyed':
        this.#observer.releasedLate(checkout)
        return undefined
      case 'returning':
        this.#observer.releasedAgain(checkout)
        throw new Error('Release called on client which has already been released to the pool.')
      default:
        if (!this.#host.unwatched) this.#observer.releasedAgain(checkout)
        return pgRelease(error)
    }
    const { client } = this
    if (
      error ||
      this.#fence !== undefined ||
      this.#transaction.letter !== 'I' ||
      client.readyForQuery === false ||
      queuedQueries(client).length > 0
    ) {
      return this.#releaseWithCare(checkout, pgRelease, error)
    }
    return this.#giveBack(checkout, pgRelease, error)
  }

  #releaseWithCare(checkout: Checkout, pgRelease: PgRelease, error: unknown): unknown {
    const fence = this.#fence
    if (fence !== undefined) {
      // A remedy is at work, or was: the client goes back when it is done with it.
      this.#hold(
        checkout,
        pgRelease,
        error,
        fence.settled.then(() => 'proceed' as const),
      )
      return undefined
    }
    // The pool closes a client that is released with an error, or that is closed already: nobody inherits anything.
    if (error || this.gone) return this.#giveBack(checkout, pgRelease, error)
    const work = this.work()
    const settled = work !== 'none' || this.isReady()
    if (!settled && !this.#observer.holdsReleases) {
      this.#unsettled = checkout
      return this.#giveBack(checkout, pgRelease, error)
    }
    const release = this.#describeRelease(checkout, work, settled)
    const verdict = this.#observer.releasing(release)
    if (verdict === 'proceed') {
      if (!release.inherited && (work !== 'none' || release.transaction !== 'idle'))
        this.#unclean.push(checkout)
      return this.#giveBack(checkout, pgRelease, error)
    }
    this.#hold(checkout, pgRelease, error, verdict)
    return undefined
  }

  #describeRelease(checkout: Checkout, work: Work, settled: boolean): Release {
    const control: ClientControl = this
    return {
      checkout,
      control,
      work,
      transaction: this.transaction,
      settled,
      inherited: this.#transaction.inherited && this.#unclean.length > 0,
    }
  }

  #hold(
    checkout: Checkout,
    pgRelease: PgRelease,
    error: unknown,
    verdict: Promise<'proceed' | 'destroyed'>,
  ): void {
    checkout.phase = 'returning'
    void verdict.then((decision) => {
      // A remedy that failed has destroyed the client in between, whatever the verdict was.
      if (decision === 'destroyed' || checkout.phase !== 'returning') {
        this.#ledger.releasedLate(checkout)
        return
      }
      this.#fence = undefined
      this.#giveBack(checkout, pgRelease, error)
    })
  }

  #giveBack(checkout: Checkout, pgRelease: PgRelease, error: unknown): unknown {
    const unsettled = this.#unsettled === checkout
    if (!unsettled) this.#transaction.openingStack = undefined
    this.#leave()
    this.#ledger.closed(checkout, unsettled)
    if (this.#host.unwatched) this.unguard()
    return pgRelease(error)
  }

  #leave(): void {
    this.#checkout = undefined
    this.#pgRelease = undefined
    this.#release = undefined
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** In a failed transaction PostgreSQL answers ROLLBACK to COMMIT, as if it had succeeded. */
function commitLost(query: SubmittedQuery | undefined): boolean {
  if (query === undefined || typeof query.text !== 'string' || !isCommit(query.text)) return false
  const results = Array.isArray(query._results) ? query._results : [query._result]
  return results.some(
    (result: unknown) => (result as { command?: unknown } | undefined)?.command === 'ROLLBACK',
  )
}
