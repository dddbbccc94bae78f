import { type Client, isClient } from '../../client/types.ts'
import type { PoolCore, PoolHost } from '../pool-host.ts'
import { SlonikCallers } from './callers.ts'
import { type ConnectionPool, GuardedConnection, guardedBehind } from './guarded-connection.ts'
import { withMadeClient } from './made-client.ts'
import { ObservedConnections } from './observed-pool.ts'
import { connectionBehind, sizesOf } from './shape.ts'
import type { SlonikConfiguration, SlonikConnection, SlonikDriver } from './types.ts'

/** A Slonik pool whose driver is guarded: the client behind each connection is known. */
export class GuardedSlonikPool implements ConnectionPool {
  readonly callers: SlonikCallers
  core: PoolCore | undefined
  /** Set if several pools are created with the same options. */
  part: string | undefined
  readonly #connections = new Set<GuardedConnection>()
  readonly #byClient = new WeakMap<Client, GuardedConnection>()
  /** The connections of a driver that is not node-postgres. */
  readonly #observed = new ObservedConnections()
  #sizes: ReturnType<typeof sizesOf> = { max: undefined, min: undefined }
  #connecting = 0
  /** The number of connections whose client was not found. */
  #unreached = 0

  /** Calls `asked` whenever a caller asks for a connection. */
  constructor(asked: (pool: GuardedSlonikPool) => void) {
    this.callers = new SlonikCallers({
      asked: () => asked(this),
      free: () => this.#free(),
      // Slonik's queue is not visible here. While there are free slots, no caller needs to wait in it.
      mayWait: () => this.#free() <= 0,
      arrived: (checkout, connection) => {
        const guarded = guardedBehind(connection)
        if (this.core === undefined) return
        if (guarded === undefined) {
          this.#observed.begin(this.core, checkout, connection)
          return
        }
        this.core.handOut(checkout, guarded.client)
        if (checkout.phase === 'out') guarded.begin(checkout, connection)
      },
      leaving: (connection) => this.#observed.end(connection),
    })
  }

  /** Whether it has connections, or is opening one: it cannot have ended then. */
  get isAlive(): boolean {
    return this.#connecting > 0 || this.#unreached > 0 || this.#open() > 0
  }

  /** Puts the guard's interceptors in their places, even if the application has omitted them. */
  configure(configuration: SlonikConfiguration, isOurs: (interceptor: object) => boolean): void {
    this.#sizes = sizesOf(configuration)
    configuration.interceptors = this.callers.around(
      configuration.interceptors.filter((interceptor) => !isOurs(interceptor)),
    )
  }

  guard(driver: SlonikDriver): SlonikDriver {
    return {
      ...driver,
      createClient: () => {
        const connect = () => this.#connect(driver)
        return this.core === undefined ? connect() : this.core.ledger.detached(connect)
      },
    }
  }

  closed(connection: GuardedConnection): void {
    this.#connections.delete(connection)
    this.core?.removed(connection.client)
  }

  host(): PoolHost {
    const find = (client: Client) => this.#byClient.get(client)
    return {
      pool: this,
      part: this.part,
      stream: undefined,
      setUpByHost: false,
      resetsSessions: true,
      gauge: () => ({
        total: this.#open() + this.#unreached,
        idle: [...this.#connections].filter(({ isIdle }) => isIdle).length,
        waiting: this.core?.record.waiters.size ?? 0,
        ...this.#sizes,
      }),
      isFull: () => this.callers.isFull(),
      isIdle: (client) => find(client)?.isIdle === true,
      // Every statement belongs to a checkout.
      clients: () => [],
      install: (core) => {
        this.core = core
        this.callers.follow(core)
        return [{ restore: () => this.#leave() }]
      },
      sweep: () => this.callers.sweep(),
      checkoutOf: (given) => {
        const connection = connectionBehind(given)
        if (connection === undefined) return undefined
        return guardedBehind(connection)?.checkout ?? this.#observed.checkoutOf(connection)
      },
      giveBackOf: (client) => {
        const connection = find(client)
        return connection && (() => connection.giveBack())
      },
      destroy: (client, error) => find(client)?.drop(error),
    }
  }

  #leave(): void {
    this.core = undefined
    this.callers.unfollow()
    this.#observed.unguard()
  }

  async #connect(driver: SlonikDriver): Promise<SlonikConnection> {
    const { core } = this
    const since = core?.ledger.time.now()
    this.#connecting += 1
    try {
      const { result, client } = await withMadeClient(() => driver.createClient())
      if (core !== undefined && since !== undefined)
        core.ledger.meter?.connected(core.record, core.ledger.time.now() - since)
      if (isClient(client)) {
        const connection = new GuardedConnection(result, client, this)
        this.#connections.add(connection)
        this.#byClient.set(client, connection)
        return connection.forPool()
      }
      this.#unreached += 1
      result.on('destroy', () => {
        this.#unreached -= 1
      })
      return result
    } finally {
      this.#connecting -= 1
    }
  }

  #open(): number {
    let open = 0
    for (const { isOpen } of this.#connections) if (isOpen) open += 1
    return open
  }

  #free(): number {
    const { max } = this.#sizes
    if (max === undefined) return Number.POSITIVE_INFINITY
    let free = max - this.#connecting - this.#unreached
    for (const { isOpen, isFree } of this.#connections) if (isOpen && !isFree) free -= 1
    return free
  }
}
