import type { Checkout } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import type { Ledger } from '../core/ledger.ts'
import type { Installed, PoolSource, WatchSettings } from './pool-host.ts'
import { refuseWatched } from './watchable.ts'
import { WatchedPool } from './watched-pool.ts'

/** The guard of all pools of one source: usually one pool, two where a library separates reads from writes. */
export class Attachment {
  readonly #source: PoolSource
  readonly #settings: WatchSettings
  readonly #ledger: Ledger
  readonly #events: CheckoutEvents
  readonly #begun: (watched: WatchedPool, pool: object) => void
  readonly #ended: () => void
  readonly #pools = new Map<object, WatchedPool>()
  readonly #installed: readonly Installed[]
  #over = false

  /**
   * Calls `begun` with each pool that becomes watched, including those of a later restart, and `ended` if there will be
   * none any more.
   */
  constructor(
    source: PoolSource,
    settings: WatchSettings,
    ledger: Ledger,
    events: CheckoutEvents,
    begun: (watched: WatchedPool, pool: object) => void,
    ended: () => void = () => {},
  ) {
    this.#source = source
    this.#settings = settings
    this.#ledger = ledger
    this.#events = events
    this.#begun = begun
    this.#ended = ended
    this.#attach()
    this.#installed = source.install?.(() => this.#attach()) ?? []
  }

  /** The present checkout of a client of one of the pools, or of a handle of one. */
  checkoutOf(client: unknown): Checkout | undefined {
    for (const pool of this.#pools.values()) {
      const checkout = pool.checkoutOf(client)
      if (checkout !== undefined) return checkout
    }
    return undefined
  }

  unwatch(): void {
    this.#over = true
    for (const installed of this.#installed.toReversed()) installed.restore()
    for (const pool of this.#pools.values()) pool.unwatch()
    this.#pools.clear()
  }

  /** Watches the pools that the source has now, and unwatches those that it no longer has. */
  #attach(): void {
    if (this.#over) return
    const hosts = this.#source.hosts()
    const present = new Set(hosts.map(({ pool }) => pool))
    for (const [pool, watched] of this.#pools) {
      if (present.has(pool)) continue
      watched.unwatch()
      this.#pools.delete(pool)
    }
    const added = hosts.filter(({ pool }) => !this.#pools.has(pool))
    for (const { pool } of added) refuseWatched(pool)
    for (const host of added) {
      const { name } = this.#settings
      const settings = { ...this.#settings, name: host.part === undefined ? name : `${name}-${host.part}` }
      const watched = new WatchedPool(host, settings, this.#ledger, this.#events)
      watched.onEnded = () => this.#forget(host.pool)
      this.#pools.set(host.pool, watched)
      this.#begun(watched, host.pool)
    }
  }

  /** Programs that create pools for a while would fill the memory. */
  #forget(pool: object): void {
    this.#pools.delete(pool)
    if (this.#pools.size === 0 && this.#source.install === undefined) this.#ended()
  }
}
