import type { Checkout } from '../../core/checkout.ts'
import type { Installed, PoolCore, PoolHost } from '../pool-host.ts'
import { SlonikCallers } from './callers.ts'
import { ObservedConnection } from './observed-connection.ts'
import { connectionBehind, sizesOf } from './shape.ts'
import type { SlonikConfiguration, SlonikConnection, SlonikPoolLike, SlonikPoolState } from './types.ts'

/** The observed connections of one pool, from the first time they are handed out. */
export class ObservedConnections {
  readonly #connections = new Map<SlonikConnection, ObservedConnection>()

  /** Records that the owner of a checkout has the connection. */
  begin(core: PoolCore, checkout: Checkout, connection: SlonikConnection): void {
    let observed = this.#connections.get(connection)
    if (observed === undefined) {
      const gone = () => this.#connections.delete(connection)
      observed = new ObservedConnection(connection, core.ledger, gone)
      this.#connections.set(connection, observed)
    }
    observed.begin(checkout)
  }

  end(connection: SlonikConnection): void {
    this.#connections.get(connection)?.end()
  }

  checkoutOf(connection: SlonikConnection): Checkout | undefined {
    return this.#connections.get(connection)?.checkout
  }

  unguard(): void {
    for (const observed of this.#connections.values()) observed.unguard()
    this.#connections.clear()
  }
}

/**
 * The host of a Slonik pool that was created without `lifeguardSlonik`. Slonik does not expose its clients: the owners
 * of connections with their line and hold are seen, and their statements; the state of transactions is not, and there
 * are no remedies.
 */
export function observedSlonikHost(given: SlonikPoolLike): PoolHost {
  const configuration = given.configuration as SlonikConfiguration
  const pool = given as unknown as { state(): SlonikPoolState }
  const { max, min } = sizesOf(configuration)
  const connections = new ObservedConnections()
  let core: PoolCore | undefined
  const callers = new SlonikCallers({
    free() {
      const { acquiredConnections, pendingConnections, pendingReleaseConnections } = pool.state()
      const busy = acquiredConnections + pendingConnections + pendingReleaseConnections
      return max === undefined ? Number.POSITIVE_INFINITY : max - busy
    },
    mayWait: () => pool.state().waitingClients > 0,
    arrived(checkout, connection) {
      if (core !== undefined) connections.begin(core, checkout, connection)
    },
    leaving: (connection) => connections.end(connection),
  })
  return {
    pool: given,
    stream: undefined,
    setUpByHost: false,
    gauge() {
      const { acquiredConnections, idleConnections, pendingReleaseConnections, waitingClients } = pool.state()
      const total = acquiredConnections + idleConnections + pendingReleaseConnections
      return { total, idle: idleConnections, waiting: waitingClients, max, min }
    },
    isFull: () => callers.isFull(),
    isIdle: () => false,
    clients: () => [],
    install(followed) {
      core = followed
      callers.follow(followed)
      return [
        surround(configuration, callers),
        {
          restore() {
            core = undefined
            callers.unfollow()
            connections.unguard()
          },
        },
      ]
    },
    sweep: () => callers.sweep(),
    checkoutOf(client) {
      const connection = connectionBehind(client)
      return connection === undefined ? undefined : connections.checkoutOf(connection)
    },
    giveBackOf: () => undefined,
    destroy() {},
  }
}

/** Puts the guard's interceptors around those of the pool. Several pools may share the array. */
function surround(configuration: SlonikConfiguration, callers: SlonikCallers): Installed {
  const before = configuration.interceptors
  const surrounded = callers.around(before)
  configuration.interceptors = surrounded
  return {
    restore() {
      const present = configuration.interceptors
      configuration.interceptors =
        present === surrounded && present.length === before.length + 2
          ? before
          : present.filter((interceptor) => !callers.has(interceptor))
    },
  }
}
