import type { ClientControl, Fence, OpenerStack, Work } from '../core/client-control.ts'
import { SessionChanges } from '../core/session-state/changes.ts'
import type { SessionContents } from '../core/session-state/contents.ts'
import type { Clock } from '../core/time/clock.ts'
import { type TransactionStatus, transactionStatus } from '../core/transaction.ts'
import { isCommit, statementText } from '../sql/statement.ts'
import { cancelRunning } from './cancel.ts'
import { admits, deferred, failQuery, refuse, translateFailure } from './refusal.ts'
import { SessionTransaction } from './session-transaction.ts'
import type { Client, Method, SubmittedQuery } from './types.ts'
import { activeQuery, queuedQueries, workOf } from './work.ts'

/** The time limit for a destroyed client to close its connection cleanly. */
const farewellMillis = 2000

/** The parts of the guard that its control needs. */
export interface ControlHost {
  /** The pool's `stream` option. */
  readonly stream: unknown
  /** The application runs its own statements on each new client. */
  readonly setUpByHost: boolean
  /** Whether statements that change the session are recorded. */
  readonly tracksState: boolean
  readonly clock: Clock
  /** Statements that belong to no checkout. */
  readonly foreign: WeakSet<object>
  /** Returns the slot to the pool, with an error, so that the pool closes the client. */
  takeBack(error: Error): void
  /** The owner has noticed a remedy, and continues. */
  learned(): void
}

/** A client of node-postgres as rules and remedies see it. */
export class Control implements ClientControl {
  readonly client: Client
  readonly session: SessionTransaction
  readonly changes: SessionChanges | undefined
  contents: SessionContents | undefined
  hasFailedAtFence = false
  /** The fence that rejects the owner's statements; undefined without one. */
  raised: Fence | undefined
  /** A fence raised while a COMMIT was in flight: it is not known yet whether there is a transaction to roll back. */
  #undecided: Fence | undefined
  readonly #host: ControlHost
  /** The client's own `query`, read before the guard overrides it. */
  readonly #query: Method
  #waiting: (() => void)[] = []
  /** The lifeguard's own statements that are not answered yet. */
  readonly #own: string[] = []

  constructor(client: Client, host: ControlHost) {
    this.client = client
    this.session = new SessionTransaction(client.getTransactionStatus?.())
    this.changes = host.tracksState ? new SessionChanges() : undefined
    this.#host = host
    this.#query = client.query
  }

  get pid(): number | undefined {
    const { processID } = this.client
    return typeof processID === 'number' ? processID : undefined
  }

  get setUpByHost(): boolean {
    // pg-promise runs its set-up with the first owner of a session, and adds this property to the client.
    return this.#host.setUpByHost || '$useCount' in this.client
  }

  get gone(): boolean {
    const { _queryable, _ending, _ended } = this.client
    return _queryable === false || _ending === true || _ended === true
  }

  get transaction(): TransactionStatus {
    return transactionStatus(this.session.letter)
  }

  get transactionSince(): number {
    return this.session.since
  }

  get inherited(): boolean {
    return this.session.inherited
  }

  get transactionStack(): OpenerStack | undefined {
    return this.session.stack
  }

  /** Whether nothing has happened that makes a release worth judging. Called for every release. */
  isPlain(): boolean {
    return (
      this.raised === undefined &&
      this.session.letter === 'I' &&
      this.changes?.touched !== true &&
      this.client.readyForQuery !== false &&
      queuedQueries(this.client).length === 0
    )
  }

  work(): Work {
    return this.gone ? 'none' : workOf(this.client, this.#host.foreign)
  }

  /** Whether the statement on the wire is not the owner's, so that the owner's earlier ones have been answered. */
  get runsForeign(): boolean {
    const active = activeQuery(this.client)
    return active !== undefined && this.#host.foreign.has(active)
  }

  isReady(): boolean {
    return this.client.readyForQuery !== false || this.gone
  }

  async whenReady(): Promise<void> {
    while (!this.gone && (!this.isReady() || this.work() !== 'none')) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** The state of the client may have changed: everything that waits for it checks again. */
  wake(): void {
    if (this.#waiting.length === 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Whether the lifeguard's own statements are under way. */
  get sendsOwn(): boolean {
    return this.#own.length > 0
  }

  /** Whether the statement that is being answered is the lifeguard's own, and not the owner's. */
  takeOwn(query: SubmittedQuery | undefined): boolean {
    if (this.#own.length === 0) return false
    // The driver no longer has a statement that has failed.
    const index = query === undefined ? 0 : this.#own.indexOf(String(query.text))
    return index !== -1 && this.#own.splice(index, 1).length > 0
  }

  read(statement: string): Promise<string> {
    this.#own.push(statement)
    return new Promise((resolve, reject) => {
      const done = (error: unknown, result: unknown) =>
        error ? reject(error) : resolve(String((result as { rows: unknown[][] }).rows[0]?.[0]))
      // The application may have changed the type parsers.
      const types = { getTypeParser: () => String }
      Reflect.apply(this.#query, this.client, [{ text: statement, rowMode: 'array', types }, done])
    })
  }

  run(statement: string): Promise<void> {
    // Behind a fence no statement of the owner waits, and statements of others must not run in its transaction.
    if (this.raised !== undefined) return this.runFirst(statement)
    return this.#send(statement)
  }

  runFirst(statement: string): Promise<void> {
    const done = this.#send(statement)
    const queue = queuedQueries(this.client)
    const query = queue.pop()
    if (query !== undefined) queue.unshift(query)
    return done
  }

  #send(statement: string): Promise<void> {
    this.#own.push(statement)
    return new Promise((resolve, reject) => {
      const done = (error: unknown) => (error ? reject(error) : resolve())
      Reflect.apply(this.#query, this.client, [statement, done])
    })
  }

  cancel(): Promise<void> {
    return this.client.cancelRunning?.() ?? cancelRunning(this.client, this.#host.stream, this.#host.clock)
  }

  fence(fence: Fence): void {
    this.raised = fence
    this.hasFailedAtFence = false
    const queue = queuedQueries(this.client)
    const { foreign } = this.#host
    const queued: SubmittedQuery[] = []
    for (const query of queue.splice(0)) (foreign.has(query) ? queue : queued).push(query)
    const active = activeQuery(this.client)
    const isEnding =
      active !== undefined && this.session.letter !== 'I' && isCommit(statementText(active) ?? '')
    this.#undecided = isEnding ? fence : undefined
    if (isEnding) void fence.settled.then(() => this.#decide(fence, queued))
    else this.#refuseAll(fence, queued)
    const failed = () => {
      this.hasFailedAtFence = true
    }
    if (active !== undefined) translateFailure(active, fence, isEnding, failed)
    for (const query of this.client._sentQueryQueue ?? []) translateFailure(query, fence, false, failed)
  }

  lowerFence(): void {
    this.raised = undefined
    this.#host.learned()
  }

  /** The result of a COMMIT that was in flight is known, and so is that of the statements behind it. */
  #decide(fence: Fence, queued: SubmittedQuery[]): void {
    this.#undecided = undefined
    const refusing = this.raised ?? (this.gone ? fence : undefined)
    if (refusing !== undefined) this.#refuseAll(refusing, queued)
    else if (queued.length > 0) {
      queuedQueries(this.client).unshift(...queued)
      this.client._pulseQueryQueue?.()
    }
  }

  #refuseAll(fence: Fence, queries: readonly SubmittedQuery[]): void {
    for (const query of queries) failQuery(this.client, query, fence.refusal())
  }

  /** Answers a statement that the fence rejects. */
  meetFence(fence: Fence, args: readonly unknown[]): unknown {
    // The owner may know already that its COMMIT has succeeded.
    if (this.#undecided === fence && this.session.letter === 'I')
      return deferred(fence.settled, args, () => Reflect.apply(this.client.query, this.client, args))
    if (!admits(fence, args[0])) return refuse(this.client, fence.refusal(), args)
    return deferred(fence.settled, args, () => {
      if (this.raised === fence) {
        this.raised = undefined
        fence.lifted()
        this.#host.learned()
      }
      return Reflect.apply(this.client.query, this.client, args)
    })
  }

  /** The driver sends Terminate and waits for the server to close the connection, which a dead peer never does. */
  expectFarewell(clock: Clock): void {
    clock.schedule(() => {
      if (this.client._ended !== true) this.client.connection?.stream.destroy()
    }, farewellMillis)
  }

  destroy(error: Error): void {
    this.#host.takeBack(error)
  }
}
