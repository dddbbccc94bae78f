import { EventEmitter } from 'node:events'
import pg from 'pg'
import pgPromise from 'pg-promise'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SessionDestroyedError } from '../../src/index.ts'
import { failureOf, guard, modes } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

const db = useDatabase()

/** As postgres-pool behaves (measured on 12.0.1): `release` is set once, when a client is made, and not at each checkout. */
class ReleaseOncePool extends EventEmitter {
  readonly #idle: pg.Client[] = []
  readonly #all = new Set<pg.Client>()

  get totalCount(): number {
    return this.#all.size
  }

  get idleCount(): number {
    return this.#idle.length
  }

  get waitingCount(): number {
    return 0
  }

  async connect(): Promise<pg.Client & { release(error?: unknown): void }> {
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle as never
    const client = new pg.Client(db.config)
    this.#all.add(client)
    await client.connect()
    const release = (error?: unknown) => {
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
    await Promise.all([...this.#all].map((client) => client.end()))
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
