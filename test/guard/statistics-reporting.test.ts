import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createLifeguard,
  type LifeguardOptions,
  manualClock,
  OptionError,
  type Statistics,
} from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

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
    })
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

  it('are an option, and say so', () => {
    const lifeguard = createLifeguard({ reporters: [] })
    expect(() => lifeguard.statistics()).toThrow(OptionError)
    expect(() => lifeguard.statistics()).toThrow(/statistics must be true/)
  })
})

describe('reportStatistics', () => {
  function reporting(reportStatistics: LifeguardOptions['reportStatistics']) {
    const reported: Statistics[] = []
    const lifeguard = createLifeguard({
      clock: manualClock(),
      reporters: [{ finding() {}, statistics: (statistics) => reported.push(statistics) }],
      ...(reportStatistics === undefined ? {} : { reportStatistics }),
    })
    const pool = new pg.Pool({ ...db.config, max: 1 })
    lifeguard.watch(pool)
    onTestFinished(async () => {
      await lifeguard.close()
      await pool.end()
    })
    return { lifeguard, pool, reported }
  }

  it("gives the reporters the statistics once at 'close'", async () => {
    const { lifeguard, pool, reported } = reporting('close')
    const client = await pool.connect()
    client.release()
    await lifeguard.close()
    await lifeguard.close()
    expect(reported).toMatchObject([{ pools: [{ checkouts: 1 }] }])
  })

  it.skipIf(process.platform === 'win32')(
    'gives them at each SIGUSR2, until the lifeguard is closed',
    async () => {
      const { lifeguard, reported } = reporting(['SIGUSR2'])
      const before = process.listenerCount('SIGUSR2')
      process.emit('SIGUSR2')
      process.emit('SIGUSR2')
      expect(reported).toHaveLength(2)
      await lifeguard.close()
      expect(process.listenerCount('SIGUSR2')).toBe(before - 1)
      expect(reported).toHaveLength(2)
    },
  )

  it('refuses an occasion that it does not know, and to report what is not kept', () => {
    const make = (options: object) => () => createLifeguard(options as LifeguardOptions)
    expect(make({ reportStatistics: 'SIGTERM' })).toThrow(/reportStatistics must be "close" or "SIGUSR2"/)
    expect(make({ statistics: false, reportStatistics: 'close' })).toThrow(/statistics must be true/)
    expect(make({ statistics: 'yes' })).toThrow(/statistics must be true or false/)
  })
})
