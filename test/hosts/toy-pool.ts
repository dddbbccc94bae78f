import pg from 'pg'
import { Override } from '../../src/client/override.ts'
import type { Client } from '../../src/client/types.ts'
import { captureStack } from '../../src/core/origin/origin.ts'
import type { PoolHost } from '../../src/hosts/pool-host.ts'

/**
 * A pool in the manner of those under Knex and Sequelize: raw clients of `pg`, which have no `release` of their own, go
 * out by `acquire` and come back by `release`.
 */
export class ToyPool {
  readonly #config: pg.ClientConfig
  readonly #max: number
  readonly idle: pg.Client[] = []
  readonly all = new Set<pg.Client>()
  readonly queue: ((client: pg.Client) => void)[] = []

  constructor(config: pg.ClientConfig, max: number) {
    this.#config = config
    this.#max = max
  }

  get isFull(): boolean {
    return this.all.size >= this.#max && this.idle.length <= this.queue.length
  }

  get max(): number {
    return this.#max
  }

  async acquire(): Promise<pg.Client> {
    const idle = this.idle.pop()
    if (idle !== undefined) return idle
    if (this.all.size >= this.#max) return new Promise((resolve) => this.queue.push(resolve))
    return this.#open()
  }

  async #open(): Promise<pg.Client> {
    const client = new pg.Client(this.#config)
    this.all.add(client)
    await client.connect()
    return client
  }

  release(client: pg.Client): void {
    if (!this.all.has(client) || this.idle.includes(client)) return
    const waiting = this.queue.shift()
    if (waiting === undefined) this.idle.push(client)
    else waiting(client)
  }

  /** Drops a client, in use or not, and opens another one for the next in line. */
  drop(client: pg.Client): void {
    this.all.delete(client)
    void client.end()
    const waiting = this.queue.shift()
    if (waiting !== undefined) void this.#open().then(waiting)
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.all].map((client) => client.end()))
  }
}

export function toyHost(pool: ToyPool): PoolHost {
  const giveBack = pool.release.bind(pool)
  return {
    pool,
    stream: undefined,
    setUpByHost: false,
    gauge: () => ({
      total: pool.all.size,
      idle: pool.idle.length,
      waiting: pool.queue.length,
      max: pool.max,
    }),
    isFull: () => pool.isFull,
    isIdle: (client) => pool.idle.includes(client as unknown as pg.Client),
    clients: () => pool.all as unknown as Set<Client>,
    install: (core) => [
      new Override(
        pool,
        'acquire',
        (original) =>
          function (...args) {
            const stack = captureStack()
            return core.acquire(() => Reflect.apply(original, this, args), 'connect', stack)
          },
      ),
      new Override(
        pool,
        'release',
        (original) =>
          function (...args) {
            return core.release(args[0] as Client, () => Reflect.apply(original, this, args))
          },
      ),
      new Override(
        pool,
        'drop',
        (original) =>
          function (...args) {
            core.removed(args[0])
            return Reflect.apply(original, this, args)
          },
      ),
      new Override(
        pool,
        'destroy',
        (original) =>
          function (...args) {
            core.ending()
            return Reflect.apply(original, this, args)
          },
      ),
    ],
    giveBackOf: (client) => () => giveBack(client as unknown as pg.Client),
    destroy: (client) => pool.drop(client as unknown as pg.Client),
  }
}
