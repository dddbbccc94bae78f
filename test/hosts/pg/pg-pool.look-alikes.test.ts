import { EventEmitter } from 'node:events'
import pg from 'pg'
import pgPromise from 'pg-promise'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SessionDestroyedError } from '../../../src/index.ts'
import { failureOf, guard, modes } from '../../support/bare-twin.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { collectGarbage } from '../../support/garbage.ts'

const db = useDatabase()

/** As postgres-pool behaves (measured on 12.0.1): `release` is set once, when a client is made, and not at each checkout. */
class ReleaseOncePool extends EventEmitter {
  readonly #idle: pg.Client[] = []
  readonly #all = new Set<pg.Client>()

  readonly options: { readonly poolSize: number }
  readonly #waiting: ((client: pg.Client) => void)[] = []

  constructor(poolSize = 10) {
    super()
    this.options = { poolSize }
  }

  get totalCount(): number {
    return this.#all.size
  }

  get idleCount(): number {
    return this.#idle.length
  }

  get waitingCount(): number {
    return this.#waiting.length
  }

  async connect(): Promise<pg.Client & { release(error?: unknown): void }> {
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle as never
    if (this.#all.size >= this.options.poolSize)
      return new Promise((resolve) => this.#waiting.push(resolve as never))
    const client = new pg.Client(db.config)
    this.#all.add(client)
    await client.connect()
    const release = (error?: unknown) => {
      const waiter = error ? undefined : this.#waiting.shift()
      if (waiter !== undefined) return void waiter(client)
      if (!error) return void this.#idle.push(client)
      this.#all.delete(client)
      void client.end()
    }
    return Object.assign(client, { release })
  }

  async query(text: string): Promise<pg.QueryResult> {
    const client = await this.connect()
    try {
      return await client.query(text)
    } finally {
      client.release()
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#idle.map((client) => client.end()))
  }
}

describe.each(modes)('in %s, a pool that gives each client its release once', (mode) => {
  it('is correct to use one client again and again', async () => {
    const pool = new ReleaseOncePool()
    onTestFinished(() => pool.end())
    const { lifeguard, kinds } = guard(pool as never, { mode })
    for (let turn = 0; turn < 6; turn += 1) {
      const client = await pool.connect()
      await client.query('SELECT 1')
      client.release()
      await pool.query('SELECT 2')
    }
    expect(kinds()).toEqual([])
    expect(lifeguard.snapshot().checkouts).toEqual([])
    expect(pool.idleCount).toBe(1)
  })

  it('is reported for a second release all the same', async () => {
    const pool = new ReleaseOncePool()
    onTestFinished(() => pool.end())
    const { kinds } = guard(pool as never, { mode })
    const client = await pool.connect()
    const { release } = client
    release()
    release()
    expect(kinds()).toEqual(['double-release'])
    // Bare, the pool has the client twice by now, and would give it to two owners.
    expect(pool.idleCount).toBe(mode === 'enforce' ? 1 : 2)
  })

  it('is reported for a caller that waits, by the size that the pool calls poolSize', async () => {
    const pool = new ReleaseOncePool(1)
    onTestFinished(() => pool.end())
    const { kinds, clock, findings } = guard(pool as never, { mode })
    const client = await pool.connect()
    const waiting = pool.connect()
    clock.advance(6_000)
    expect(kinds()).toEqual(['pool-exhausted'])
    expect(findings[0]).toMatchObject({ origin: { file: expect.stringMatching(/look-alikes/) } })
    client.release()
    const next = await waiting
    next.release()
  })

  it('is not said to wait at its end for clients that it does not wait for', async () => {
    const pool = new ReleaseOncePool()
    const { kinds, clock, lifeguard } = guard(pool as never, { mode })
    const client = await pool.connect()
    await pool.end()
    clock.advance(3_000)
    expect(lifeguard.snapshot().pools).toMatchObject([{ ending: false }])
    expect(kinds()).toEqual([])
    client.release(true)
  })

  it('keeps no guard of clients that are gone', async () => {
    const pool = new ReleaseOncePool()
    onTestFinished(() => pool.end())
    const { clock } = guard(pool as never, { mode })
    const gone: WeakRef<object>[] = []
    for (let turn = 0; turn < 3; turn += 1) {
      const client = await pool.connect()
      gone.push(new WeakRef(client))
      client.release(true)
    }
    await eventually(async () => {
      clock.advance(200)
      collectGarbage()
      // Not the clients themselves: the failure of an attempt would keep them for the next one.
      expect(gone.slice(0, 2).map((ref) => ref.deref() === undefined)).toEqual([true, true])
    })
  })
})

it('frees the slot of a session that it destroys under pg-promise, which locks client.end', async () => {
  const pgp = pgPromise({ noWarnings: true })
  const database = pgp({ ...db.config, max: 1 })
  onTestFinished(() => database.$pool.end())
  const { clock } = guard(database.$pool as unknown as pg.Pool, {
    mode: 'enforce',
    remedies: { 'long-hold': 'destroy' },
    limits: { holdMillis: 1_000 },
  })
  const stuck = await database.connect()
  await stuck.one('SELECT 1 AS one')
  const next = database.one('SELECT 2 AS two')
  clock.advance(1_200)
  expect(await next).toEqual({ two: 2 })
  expect(await failureOf(() => stuck.one('SELECT 3 AS three'))).toBeInstanceOf(SessionDestroyedError)
  void stuck.done()
  await eventually(() =>
    expect(database.$pool).toMatchObject({ totalCount: 1, idleCount: 1, waitingCount: 0 }),
  )
})
