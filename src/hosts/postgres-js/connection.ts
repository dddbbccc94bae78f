import type { Method } from '../../client/types.ts'
import { isRollback } from '../../sql/statement.ts'
import { endsTransaction } from '../../sql/transaction-effect.ts'
import type { ConnectionOwner } from './connection-owner.ts'
import type { Connection, DriverSql, Query, Reservation, Reserved } from './driver.ts'
import { ownQuery } from './driver.ts'
import { SessionClient } from './session-client.ts'
import { Statement } from './statement.ts'

/** The parts of its pool that a connection needs. */
export interface ConnectionHost {
  readonly sql: DriverSql
  /** Owners by the handler function of their queries. Former ones stay, to distinguish them from present ones. */
  readonly owners: WeakMap<object, ConnectionOwner>
  /** Adds the tag to a statement before it is written, if it should have one. */
  tag(statement: Statement, owner: ConnectionOwner | undefined): void
  /** The driver has given the connection to an owner. */
  reserved(connection: WatchedConnection): void
  /** The driver has taken the connection back. */
  returned(connection: WatchedConnection): void
  /** Makes a caller of `reserve` wait again. */
  requeue(reservation: Reservation): void
  closed(session: SessionClient): void
}

/**
 * One connection of postgres.js, from its first owner on: follows its statements and sessions, and keeps it out of the
 * pool while a remedy is running.
 */
export class WatchedConnection {
  session: SessionClient
  owner: ConnectionOwner | undefined
  readonly #connection: Connection
  readonly #host: ConnectionHost
  readonly #execute: Connection['execute']
  readonly #terminate: Connection['terminate']
  readonly #connect: Connection['connect']
  #reserved: Reserved | null
  /** The driver's handler for an owner whose connection is lost. */
  #onclose: Connection['onclose']
  /** True while the driver must treat the connection as reserved, although no transaction is open. */
  #isKept = false
  #destroyedWith: Error | undefined
  /** A destroyed session is not closed yet. */
  #isClosing = false
  #isLeaving = false
  /** The driver is about to open a session for the caller that has waited for the lost one. */
  #isReopening = false

  constructor(connection: Connection, host: ConnectionHost) {
    this.#connection = connection
    this.#host = host
    this.#execute = connection.execute
    this.#terminate = connection.terminate
    this.#connect = connection.connect
    this.#reserved = this.#follow(connection.reserved)
    this.#onclose = connection.onclose
    this.session = this.#newSession()
    this.#install()
  }

  /** Whether its session is open, and its pid known. */
  get isIdentified(): boolean {
    return !this.session.gone && this.session.processID !== undefined
  }

  /** `sql.begin` has ended, but the driver has not taken the connection back, because its COMMIT was refused. */
  over(owner: ConnectionOwner): void {
    if (this.owner !== owner) return
    this.owner = undefined
    this.#keep(true)
    owner.release(() => this.#giveBack())
  }

  /** Closes the session. The owner of a transaction gets this error at once. */
  destroy(error: Error): void {
    if (this.session.gone) return
    if (this.owner !== undefined) this.owner.isDestroyed = true
    this.owner = undefined
    this.#keep(false)
    this.#destroyedWith = error
    this.session._ending = true
    const onclose = this.#onclose
    Reflect.apply(this.#terminate, this.#connection, [])
    this.#isClosing = this.#destroyedWith !== undefined
    onclose?.(error)
  }

  /** Restores the connection's own methods, when its owner has finished, and a destroyed session is closed. */
  leave(): void {
    this.#isLeaving = true
    if (this.owner === undefined && !this.#isKept && !this.#isClosing) this.#restore()
  }

  #restore(): void {
    const connection = this.#connection
    const plain = (value: unknown) => ({ value, writable: true, enumerable: true, configurable: true })
    Object.defineProperties(connection, { reserved: plain(this.#reserved), onclose: plain(this.#onclose) })
    connection.execute = this.#execute
    connection.terminate = this.#terminate
    if (this.#connect !== undefined) connection.connect = this.#connect
  }

  #install(): void {
    const connection = this.#connection
    connection.execute = (query) => this.#executed(query)
    connection.terminate = () => {
      this.session._ending = true
      return Reflect.apply(this.#terminate, connection, [])
    }
    const connect = this.#connect
    if (connect !== undefined) connection.connect = (first) => this.#open(connect, first)
    Object.defineProperties(connection, {
      reserved: {
        get: () => this.#reserved,
        set: (reserved: Reserved | null) => {
          this.#reserved = this.#follow(reserved)
          if (reserved === null) this.#letGo()
          else this.#host.reserved(this)
        },
        enumerable: true,
        configurable: true,
      },
      onclose: {
        get: () => (error: unknown) => this.#closed(error),
        set: (onclose: Connection['onclose']) => {
          this.#onclose = onclose
        },
        enumerable: true,
        configurable: true,
      },
    })
  }

  #newSession(): SessionClient {
    return new SessionClient({
      sql: this.#host.sql,
      write: (query) => this.#write(query),
      sending: (statement) => this.#sending(statement),
      rollingBack: () => {
        if (this.owner?.by === 'begin') this.#keep(true)
      },
      ready: (statement) => this.#ready(statement),
    })
  }

  /**
   * Of a caller of `reserve` that it takes out of its queue to open a session, the driver knows nothing when it is
   * open.
   */
  #open(connect: NonNullable<Connection['connect']>, first: Query | Reservation): unknown {
    const isForgotten = this.#isReopening && 'reserve' in first
    this.#isReopening = false
    if (!isForgotten) return Reflect.apply(connect, this.#connection, [first])
    const opened: unknown = Reflect.apply(connect, this.#connection, [ownQuery(this.#host.sql, '')])
    this.#host.requeue(first)
    return opened
  }

  #write(query: Query): unknown {
    return Reflect.apply(this.#execute, this.#connection, [query])
  }

  /** The driver writes a query. */
  #executed(query: Query): unknown {
    const owner = this.#ownerOf(query)
    // One that was cancelled while it was queued is not sent.
    if (owner === undefined || query.cancelled) return this.#write(query)
    if (owner.lost !== undefined) {
      // The driver would write to a closed socket, or to the session of another owner.
      query.reject(owner.lost)
      return true
    }
    const statement = new Statement(query)
    Reflect.apply(owner.handle.query as Method, owner.handle, [statement])
    if (statement.sent !== undefined) return statement.sent
    if (owner === this.owner) this.#goOn(owner)
    return true
  }

  #ownerOf({ handler }: Query): ConnectionOwner | undefined {
    const { owners } = this.#host
    const known = owners.get(handler)
    if (known !== undefined) return known
    // While it has an owner, only this one can use it: savepoints and files have their own handler functions.
    if (this.owner !== undefined) owners.set(handler, this.owner)
    return this.owner
  }

  /** Continues with the queue: nothing was written, so no ReadyForQuery will come, for which the driver would wait. */
  #goOn(owner: ConnectionOwner): void {
    process.nextTick(() => {
      if (this.owner === owner && this.session.readyForQuery) this.#reserved?.()
    })
  }

  #sending(statement: Statement): void {
    const { owner } = this
    this.#host.tag(statement, owner)
    if (owner?.by !== 'begin' || !this.#isKept || !isRollback(statement.text)) return
    // The transaction is over, but the driver does not know. PostgreSQL would warn, and the driver would print the
    // warning.
    this.#keep(false)
    if (this.session.letter === 'I') this.#write(ownQuery(this.#host.sql, 'begin'))
  }

  #ready({ text }: Statement): void {
    const { owner } = this
    if (owner?.by !== 'begin' || this.#isKept) return
    if (this.session.letter === 'I' && endsTransaction(text)) this.#end(owner)
  }

  /** The driver takes the connection back when this returns, unless a remedy delays it. */
  #end(owner: ConnectionOwner): void {
    let isHeld = false
    let isBack = false
    this.owner = undefined
    this.#keep(true)
    owner.release(() => {
      isBack = true
      if (isHeld) this.#giveBack()
    })
    isHeld = !isBack
    if (isBack) this.#keep(false)
  }

  /** Makes the driver take the connection back: it does so when the server is ready and no transaction is open. */
  #giveBack(): void {
    this.#keep(false)
    if (this.#reserved !== null && !this.session.gone) this.#write(ownQuery(this.#host.sql, ''))
  }

  /** Follows the function that the driver calls when the server is ready. */
  #follow(reserved: Reserved | null): Reserved | null {
    if (typeof reserved !== 'function') return null
    const followed: Reserved = () => {
      this.session.settle()
      return reserved()
    }
    // Not by an accessor: V8 would make each of these functions slow.
    if (reserved.release === true || this.#isKept) followed.release = true
    return followed
  }

  /** Only for a transaction: the driver itself keeps what is reserved. */
  #keep(isKept: boolean): void {
    if (this.#isKept === isKept) return
    this.#isKept = isKept
    if (this.#reserved !== null) this.#reserved.release = isKept
  }

  #letGo(): void {
    const { owner, session } = this
    session.settle()
    this.#host.returned(this)
    // `sql.end` waits for the owner of a session that is closing; the driver answers it only when it terminates one.
    if (this.#isClosing) {
      this.#isClosing = false
      Reflect.apply(this.#terminate, this.#connection, [])
    }
    if (this.#isLeaving) this.#restore()
    if (owner === undefined) return
    // The driver does the same for a lost connection, and reports that next.
    queueMicrotask(() => {
      if (session.gone || this.owner !== owner) return
      this.owner = undefined
      session.ended()
      owner.release(() => {})
    })
  }

  #closed(error: unknown): void {
    const { owner, session } = this
    const onclose = this.#onclose
    const reason = error instanceof Error ? error : new Error(String(error))
    const told = this.#destroyedWith ?? error
    this.#destroyedWith = undefined
    this.owner = undefined
    this.#keep(false)
    this.session = this.#newSession()
    session.lost(reason)
    if (owner !== undefined) {
      owner.lost = reason
      owner.release(() => {})
    }
    this.#host.closed(session)
    onclose?.(told)
    this.#isReopening = true
    queueMicrotask(() => {
      this.#isReopening = false
    })
  }
}
