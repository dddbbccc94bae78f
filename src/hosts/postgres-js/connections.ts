import { clientBehind, formerCheckout } from '../../client/handle.ts'
import type { Client, GiveBack } from '../../client/types.ts'
import type { Checkout } from '../../core/checkout.ts'
import { checkoutTag } from '../../core/checkout-tag.ts'
import { tagged } from '../../sql/comment.ts'
import type { PoolCore } from '../pool-host.ts'
import { type ConnectionHost, WatchedConnection } from './connection.ts'
import type { ConnectionOwner } from './connection-owner.ts'
import {
  type Connection,
  type DriverSql,
  ownQuery,
  type Query,
  type Reservation,
  type ReservedSql,
} from './driver.ts'
import type { SessionClient } from './session-client.ts'
import type { Statement } from './statement.ts'

/** The known connections of one `sql`: those that have had an owner since `watch`. */
export class KnownConnections implements ConnectionHost {
  readonly sql: DriverSql
  readonly core: PoolCore
  /** The driver's own. */
  readonly reserve: DriverSql['reserve']
  readonly owners = new WeakMap<object, ConnectionOwner>()
  readonly #connections = new Map<Connection, WatchedConnection>()
  readonly #ofSession = new WeakMap<Client, WatchedConnection>()
  readonly #giveBacks = new WeakMap<Client, GiveBack>()
  /** The `sql` that owners got from `begin` and `reserve`, with its client or handle in the guard. */
  readonly #handles = new WeakMap<object, Client>()
  readonly #commentOf: ReturnType<typeof checkoutTag> | undefined
  /** The number of callers of `begin` and `reserve` without a connection. */
  #asking = 0
  readonly #taken = new Set<WatchedConnection>()
  /** The known connection for which the driver has set an owner last. */
  reservedLast: WatchedConnection | undefined

  constructor(sql: DriverSql, core: PoolCore) {
    this.sql = sql
    this.core = core
    this.reserve = sql.reserve
    const { tag } = core.settings
    this.#commentOf = tag?.statements === true ? checkoutTag(tag) : undefined
  }

  get waiting(): number {
    const { max } = this
    return max === undefined ? 0 : Math.max(0, this.#asking - Math.max(0, max - this.#taken.size))
  }

  /** Whether a caller has to wait for other owners. Those behind plain queries wait only for these. */
  get isFull(): boolean {
    const { max } = this
    return max !== undefined && this.#asking + this.#taken.size >= max
  }

  get max(): number | undefined {
    const { max } = this.sql.options
    return typeof max === 'number' ? max : undefined
  }

  /** Records a caller that asks for a connection. Call the returned function when it has one, or an error. */
  ask(): () => void {
    this.#asking += 1
    let isAsking = true
    return () => {
      if (isAsking) this.#asking -= 1
      isAsking = false
    }
  }

  /** A connection has an owner from now on. `query` is one that was written to it. */
  take(connection: Connection, query: Query): WatchedConnection {
    let known = this.#connections.get(connection)
    if (known === undefined) {
      known = new WatchedConnection(connection, this)
      this.#connections.set(connection, known)
    }
    known.session.know(query)
    this.took(known)
    return known
  }

  /** A known connection has an owner from now on. */
  took(connection: WatchedConnection): void {
    const { session } = connection
    if (!this.#ofSession.has(session)) this.#ofSession.set(session, connection)
    this.#taken.add(connection)
  }

  reserved(connection: WatchedConnection): void {
    this.reservedLast = connection
  }

  /**
   * Creates the owner of a session that the core has handed out.
   *
   * @param handle the client or handle from the core
   * @param sql the object that the owner gets; its queries have `handler`
   */
  own(
    connection: WatchedConnection,
    by: ConnectionOwner['by'],
    handle: Client,
    sql: object,
    handler: object | undefined,
  ): ConnectionOwner {
    let isOver = false
    const owner: ConnectionOwner = {
      handle,
      by,
      lost: undefined,
      isDestroyed: false,
      release: (giveBack) => {
        if (!isOver) this.core.release(handle, giveBack)
        isOver = true
      },
    }
    connection.owner = owner
    if (handler !== undefined) this.owners.set(handler, owner)
    this.#handles.set(sql, handle)
    return owner
  }

  /** The checkout of an `sql` of one transaction or reserved connection. */
  checkoutOf(sql: unknown): Checkout | undefined {
    const handle = typeof sql === 'function' ? this.#handles.get(sql) : undefined
    // A former owner: another one has the connection.
    return handle === undefined || formerCheckout(handle) !== undefined ? undefined : this.#checkoutOf(handle)
  }

  /** Sets the driver's own release of a session that is about to be handed out. */
  setGiveBack(session: Client, giveBack: GiveBack): void {
    this.#giveBacks.set(session, giveBack)
  }

  giveBackOf(session: Client): GiveBack | undefined {
    return this.#giveBacks.get(session)
  }

  isIdle(session: Client): boolean {
    return this.#ofSession.get(session)?.owner === undefined
  }

  destroy(session: Client, error: Error): void {
    this.#ofSession.get(session)?.destroy(error)
  }

  leave(): void {
    for (const connection of this.#connections.values()) connection.leave()
  }

  returned(connection: WatchedConnection): void {
    this.#taken.delete(connection)
  }

  requeue(reservation: Reservation): void {
    const { sql } = this
    const again = Reflect.apply(this.reserve, sql, []) as Promise<ReservedSql>
    again.then(
      (reserved) => {
        const probe = ownQuery(reserved, '', {
          onexecute(connection) {
            reservation.reserve(connection)
            return true
          },
        })
        probe.handler(probe)
        Promise.prototype.then.call(probe, undefined, (error: unknown) => reservation.reject(error))
      },
      (error: unknown) => reservation.reject(error),
    )
  }

  closed(session: SessionClient): void {
    this.core.removed(session)
  }

  /** Not for prepared statements, which must keep their text; templates are prepared unless an option forbids it. */
  tag({ query, text }: Statement, owner: ConnectionOwner | undefined): void {
    const { simple, prepare } = query.options
    const isPlain = !query.tagged && query.strings.length === 1 && (simple === true || prepare === false)
    const comment = isPlain && owner !== undefined ? this.commentOf(this.#checkoutOf(owner.handle)) : ''
    if (comment !== '') query.strings = [tagged(text, comment)]
  }

  /** The tag of a checkout; empty without one. */
  commentOf(checkout: Checkout | undefined): string {
    return checkout === undefined ? '' : (this.#commentOf?.(checkout) ?? '')
  }

  #checkoutOf(handle: Client): Checkout | undefined {
    return this.core.guardOf(clientBehind(handle) as Client).checkout
  }
}
