import { EventEmitter } from 'node:events'
import type { Callback, Client, Connection, Method, SubmittedQuery } from '../../client/types.ts'
import { letterAfter, type TransactionLetter } from '../../sql/transaction-effect.ts'
import { type DriverSql, ownQuery, type Query } from './driver.ts'
import { type Follower, Statement } from './statement.ts'

/** The parts of its connection that a session needs. */
export interface SessionHost {
  readonly sql: DriverSql
  /** Writes a query to the connection. */
  write(query: Query): unknown
  /** A statement of the owner is about to be written. */
  sending(statement: Statement): void
  /** The lifeguard is about to end the owner's transaction. */
  rollingBack(): void
  /** The server has answered all statements, `statement` last. */
  ready(statement: Statement): void
}

/** A statement of the lifeguard, whose answer goes to a callback. */
interface OwnConfig {
  readonly text: string
}

/**
 * One server session of postgres.js in the shape of a client of node-postgres, as the guard expects it. The driver does
 * not expose the state of a transaction: it is derived from the statements and their answers.
 */
export class SessionClient implements Client {
  readonly pipeline = true
  readonly connection: Connection
  readonly _queryQueue: SubmittedQuery[] = []
  letter: TransactionLetter = 'I'
  /** This process has closed the connection, or asked the server to. */
  _ending = false
  _ended = false
  readonly #host: SessionHost
  readonly #events = new EventEmitter()
  readonly #wire: EventEmitter & Connection
  readonly #follower: Follower = {
    answered: (statement, error) => this.#answered(statement, error),
    isForgotten: (statement) => !this.#pending.includes(statement),
    closes: (returned) => returned !== undefined && returned === this.#host.sql.CLOSE,
  }
  /** The unanswered statements, the oldest first. */
  #pending: Statement[] = []
  #answering: Statement | undefined
  #pid: unknown

  constructor(host: SessionHost) {
    this.#host = host
    const refuse = () => {
      throw new Error('not a connection of node-postgres')
    }
    this.#wire = Object.assign(new EventEmitter(), {
      connect: refuse,
      requestSsl: refuse,
      cancel: refuse,
      // The driver closes the socket, and does not expose it.
      stream: { destroy() {} },
    })
    this.connection = this.#wire
  }

  get processID(): unknown {
    return this.#pid
  }

  get readyForQuery(): boolean {
    return this.#pending.length === 0
  }

  get _queryable(): boolean {
    return !this._ended
  }

  get _activeQuery(): SubmittedQuery | null {
    return this.#answering ?? this.#pending[0] ?? null
  }

  get _sentQueryQueue(): SubmittedQuery[] {
    return this.#pending.slice(1)
  }

  get gone(): boolean {
    return this._ending || this._ended
  }

  getTransactionStatus(): string {
    return this.letter
  }

  on(event: string, listener: Callback): unknown {
    return this.#events.on(event, listener)
  }

  removeListener(event: string, listener: Callback): unknown {
    return this.#events.removeListener(event, listener)
  }

  /** Sends a statement of the owner or of the lifeguard. The guard overrides this. */
  query: Method = (given, done) => {
    if (given instanceof Statement) {
      this.#host.sending(given)
      given.sent = this.#send(given) ?? false
      return given
    }
    const isRead = typeof given === 'object'
    const text = isRead ? (given as OwnConfig).text : String(given)
    const query = ownQuery(this.#host.sql, text)
    if (isRead) query.raw()
    this.#host.rollingBack()
    const own = new Statement(query, text)
    own.callback = answerTo(done as Callback)
    this.#send(own)
    return own
  }

  /** Asks the server to cancel the statement that is running, in the driver's own way. */
  async cancelRunning(): Promise<void> {
    const [running] = this.#pending
    // The driver gives each query the same function, and removes it from a cancelled one.
    const { canceller } = this.#host.sql.unsafe('')
    if (running === undefined || canceller === null) throw new Error('no statement is running')
    await canceller(running.query)
  }

  /** Records the session on which a query was sent. */
  know({ state }: Query): void {
    this.#pid ??= state?.pid
  }

  /** The owner's transaction was opened before the owner got the session. */
  opened(): void {
    this.letter = 'T'
    this.#wire.emit('readyForQuery', { status: 'T' })
  }

  /** The driver has found no open transaction, regardless of the statements. */
  ended(): void {
    if (this.letter === 'I') return
    this.letter = 'I'
    this.#wire.emit('readyForQuery', { status: 'I' })
  }

  /** The server is ready: no statement waits for an answer, even if the driver has not reported one. */
  settle(): void {
    if (this.#pending.length === 0) return
    for (const statement of this.#pending.slice()) this.#answered(statement, undefined)
  }

  /** The connection is closed. */
  lost(error: Error): void {
    if (this._ended) return
    if (!this._ending && this.#events.listenerCount('error') > 0) this.#events.emit('error', error)
    this._ended = true
    this.letter = 'I'
    this.#pending = []
    this.#events.emit('end')
  }

  #send(statement: Statement): unknown {
    const { query } = statement
    statement.follow(this.#follower)
    this.#pending.push(statement)
    const isOpen = this.#host.write(query)
    this.know(query)
    return isOpen
  }

  #answered(statement: Statement, error: unknown): void {
    const index = this.#pending.indexOf(statement)
    if (index === -1) return
    if (error !== undefined || statement.error !== undefined) {
      const failure = error ?? statement.error
      const code = sqlStateOf(failure)
      // A statement that has failed in the client has not reached the server.
      if (code !== undefined) this.letter = letterAfter(this.letter, statement.text, code)
      this.#answering = statement
      this.#wire.emit('errorMessage', failure)
    } else this.letter = letterAfter(this.letter, statement.text)
    this.#answering = statement
    this.#wire.emit('readyForQuery', { status: this.letter })
    this.#answering = undefined
    if (this.#pending[0] === statement) this.#pending.shift()
    else this.#pending.splice(this.#pending.indexOf(statement), 1)
    if (this.#pending.length === 0 && !this._ended) this.#host.ready(statement)
  }
}

/** Calls `done` with a result in the shape of node-postgres. */
function answerTo(done: Callback): Callback {
  return (error, rows) => (error ? done(error) : done(undefined, { rows: Array.isArray(rows) ? rows : [] }))
}

function sqlStateOf(error: unknown): string | undefined {
  const isServers = error instanceof Error && error.name === 'PostgresError'
  return isServers ? String(Reflect.get(error, 'code')) : undefined
}
