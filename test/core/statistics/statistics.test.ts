import { describe, expect, it } from 'vitest'
import type { LifeguardOptions } from '../../../src/index.ts'
import { useDatabase } from '../../support/database.ts'
import { guardedPool } from '../../support/guarded-pool.ts'

const db = useDatabase()

const counted = (options: LifeguardOptions = {}) =>
  guardedPool({ ...db.config, max: 2 }, { statistics: true, ...options })

describe('statistics', () => {
  it('tell how long a line has held clients, in the database and outside of it', async () => {
    const { pool, lifeguard, clock } = counted()
    async function holdFor(before: number, inside: number, after: number) {
      const client = await pool.connect()
      clock.advance(before)
      await client.query('BEGIN')
      clock.advance(inside)
      const sleeping = client.query('SELECT 1')
      // Only in the database: the client has a statement under way.
      clock.advance(30)
      await sleeping
      await client.query('COMMIT')
      clock.advance(after)
      client.release()
    }
    await holdFor(5, 100, 1)
    await holdFor(10, 300, 2)
    const { pools, origins, scopes, estimated } = lifeguard.statistics()
    expect(estimated).toBe(false)
    expect(pools).toMatchObject([
      { pool: 'main', checkouts: 2, heldMillis: 478, busyMillis: 60, outsideMillis: 400, maxMillis: 342 },
    ])
    expect(pools[0]?.busyShare).toBeCloseTo(60 / 478, 3)
    expect(pools[0]?.p50Millis).toBeGreaterThanOrEqual(136 * 0.95)
    expect(pools[0]?.p50Millis).toBeLessThanOrEqual(136 * 1.05)
    expect(origins).toMatchObject([
      {
        pool: 'main',
        origin: { file: import.meta.filename, functionName: 'holdFor' },
        checkouts: 2,
        heldMillis: 478,
      },
    ])
    expect(scopes).toMatchObject([{ pool: 'main', checkouts: 2 }])
    expect(scopes[0]).not.toHaveProperty('scope')
  })

  it('tell lines and scopes apart, the longest held in total first', async () => {
    const { pool, lifeguard, clock } = counted()
    const work = (name: string, millis: number) =>
      lifeguard.runInScope({ kind: 'job', name }, async () => {
        const client = await pool.connect()
        clock.advance(millis)
        client.release()
      })
    await work('short', 10)
    await work('long', 500)
    await work('short', 20)
    const other = await pool.connect()
    other.release()
    const { origins, scopes } = lifeguard.statistics()
    expect(scopes).toMatchObject([
      { scope: { kind: 'job', name: 'long' }, checkouts: 1, maxMillis: 500 },
      { scope: { kind: 'job', name: 'short' }, checkouts: 2, maxMillis: 20, heldMillis: 30 },
      { checkouts: 1 },
    ])
    expect(origins.map(({ checkouts }) => checkouts)).toEqual([3, 1])
    expect(new Set(origins.map(({ origin }) => origin?.line)).size).toBe(2)
  })

  it('count a transaction that was still open when the client was released', async () => {
    const { pool, lifeguard, clock } = counted()
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(4_100)
    client.release()
    expect(lifeguard.statistics().pools).toMatchObject([{ outsideMillis: 4_100 }])
  })

  it('leave exempted clients and statements of pool.query out', async () => {
    const { pool, lifeguard, clock } = counted()
    const listener = await pool.connect()
    lifeguard.exempt(listener, 'LISTEN connection')
    clock.advance(100_000)
    listener.release()
    await pool.query('SELECT 1')
    expect(lifeguard.statistics().pools).toEqual([])
  })

  it('recommend limits from a hundred checkouts on, above what correct code needs', async () => {
    const { pool, lifeguard, clock } = counted()
    const once = async (held: number) => {
      const client = await pool.connect()
      await client.query('BEGIN')
      clock.advance(held)
      await client.query('COMMIT')
      client.release()
    }
    for (let n = 0; n < 99; n++) await once(1_000)
    expect(lifeguard.statistics().pools[0]?.recommended).toEqual({})
    await once(1_000)
    expect(lifeguard.statistics().pools[0]?.recommended).toEqual({
      holdMillis: 5_000,
      idleTransactionMillis: 5_000,
      max: 1,
    })
  })

  it('recommend limits for each route by itself', async () => {
    const { pool, lifeguard, clock } = counted()
    const request = (name: string, millis: number) =>
      lifeguard.runInScope({ kind: 'request', name }, async () => {
        const client = await pool.connect()
        await client.query('BEGIN')
        clock.advance(millis)
        await client.query('COMMIT')
        client.release()
      })
    for (let n = 0; n < 100; n++) {
      await request('GET /orders', 20)
      await request('POST /reports', 1_500)
    }
    await request('GET /rare', 1)
    const recommended = lifeguard
      .statistics()
      .scopes.map(({ scope, recommended }) => [scope?.name, recommended] as const)
    expect(Object.fromEntries(recommended)).toEqual({
      'POST /reports': { holdMillis: 5_000, idleTransactionMillis: 5_000 },
      'GET /orders': { holdMillis: 1_000, idleTransactionMillis: 1_000 },
      'GET /rare': {},
    })
  })

  it('recommend a size of the pool by the clients that callers want at the same time, those who wait included', async () => {
    const { pool, lifeguard } = counted()
    for (let n = 0; n < 25; n++) {
      await Promise.all(
        Array.from({ length: 4 }, async () => {
          const client = await pool.connect()
          await client.query('SELECT 1')
          client.release()
        }),
      )
    }
    // Of a pool of two: four callers at a time, the first of whom sees the others wait.
    expect(lifeguard.statistics().pools[0]?.recommended.max).toBe(4)
  })

  it('keep their size, whatever is counted', async () => {
    const { pool, lifeguard, clock } = counted()
    for (let n = 0; n < 250; n++) {
      clock.advance(25)
      await lifeguard.runInScope({ kind: 'job', name: `job ${n}` }, async () => {
        const client = await pool.connect()
        client.release()
      })
    }
    const { scopes, pools } = lifeguard.statistics()
    // Two hundred, and one for all that have no room.
    expect(scopes).toHaveLength(201)
    expect(pools).toMatchObject([{ checkouts: 250 }])
    expect(scopes.find(({ scope }) => scope === undefined)).toMatchObject({ checkouts: 50 })
  })

  it('are frozen plain data', async () => {
    const { pool, lifeguard } = counted()
    const client = await pool.connect()
    client.release()
    const statistics = lifeguard.statistics()
    expect(JSON.parse(JSON.stringify(statistics))).toEqual(statistics)
    expect(Object.isFrozen(statistics.origins[0])).toBe(true)
  })
})
