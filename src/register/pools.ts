import { watchedMark } from '../hosts/watchable.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { addDetour } from './prototypes.ts'

/**
 * Watches pools at their first use. A pool that the application watches itself, even later, is left to its lifeguard.
 */
export class PoolAdoption {
  readonly #lifeguard: () => Lifeguard
  readonly #seen = new WeakSet<object>()
  readonly #knexClients = new WeakSet<object>()
  #hasDriver = false
  #unseenDriver: string | undefined

  constructor(lifeguard: () => Lifeguard) {
    this.#lifeguard = lifeguard
  }

  /** Whether the process has loaded a package that creates pools of PostgreSQL clients. */
  get hasDriver(): boolean {
    return this.#hasDriver
  }

  /** The loaded driver that cannot be watched from outside, if there is one. */
  get unseenDriver(): string | undefined {
    return this.#unseenDriver
  }

  /** Handles a loaded package. */
  loaded(name: string, exported: unknown): void {
    const { Pool } = Object(exported) as { readonly Pool?: unknown }
    switch (name) {
      case 'pg':
        this.#hasDriver = true
        break
      case 'pg-pool':
        this.#hasDriver = true
        addDetour(exported, ['connect', 'query'], (pool, method) => this.#watched(pool, method))
        break
      case 'knex':
        this.#followKnex(exported)
        break
      case 'postgres':
      case '@neondatabase/serverless':
        this.#unseenDriver ??= name
        break
      case 'tarn':
      case 'sequelize-pool':
        // Other databases use these pools, too. Those of PostgreSQL load the driver before they acquire a client.
        addDetour(Pool, ['acquire'], (pool, method) =>
          this.#hasDriver ? this.#watched(pool, method) : undefined,
        )
        break
    }
  }

  /** Knex asks its pool for a client when the caller of `knex.transaction()` is no longer on the stack. */
  #followKnex(exported: unknown): void {
    const { Client } = Object(exported) as { readonly Client?: unknown }
    addDetour(Client, ['initializePool'], (client) => {
      if (Reflect.get(client, 'driverName') !== 'pg') return undefined
      // Clients of transactions have the same class, and no pool.
      this.#knexClients.add(client)
      addDetour(client.constructor, ['transaction', 'acquireConnection'], (own, method) =>
        this.#knexClients.has(own) ? this.#watchedKnex(own, method) : undefined,
      )
      return undefined
    })
  }

  #watchedKnex(client: object, method: string): unknown {
    const pool: unknown = Reflect.get(client, 'pool')
    // Knex may be destroyed, and a pool that it was given is watched as any other.
    if (typeof pool !== 'object' || pool === null) return undefined
    // What `watch` knows as Knex is a function.
    return this.#watched(
      client,
      method,
      pool,
      Object.assign(() => {}, { client }),
    )
  }

  /** The method of the pool, which is watched now; undefined if that method is the caller. */
  #watched(user: object, method: string, pool = user, watchable = user): unknown {
    if (this.#seen.has(user)) return undefined
    this.#seen.add(user)
    if (Reflect.has(pool, watchedMark)) return undefined
    try {
      const unwatch = this.#lifeguard().watch(watchable as never)
      Object.defineProperty(pool, watchedMark, { value: unwatch, configurable: true })
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      process.emitWarning(`a pool is not watched: ${message}`, {
        type: 'LifeguardWarning',
        code: 'LIFEGUARD_REGISTER',
      })
      return undefined
    }
    return Reflect.get(user, method)
  }
}
