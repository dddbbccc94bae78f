import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Meter } from '../../src/core/statistics/meter.ts'
import { internalsOf } from '../../src/guard/internals.ts'
import { createLifeguard } from '../../src/lifeguard.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'
import { startProxy } from '../support/tcp-proxy.ts'

const db = useDatabase()

interface Told {
  readonly what: keyof Meter
  readonly millis: number | undefined
  readonly isCheckout: boolean
}

/** Everything that an meter is told of a guarded pool. */
function observe(poolOptions: pg.PoolConfig, statements = true) {
  const guarded = guardedPool({ ...db.config, ...poolOptions })
  const told: Told[] = []
  const stop = internalsOf(guarded.lifeguard)?.ledger.observe({
    statements,
    connected: (_pool, millis) => told.push({ what: 'connected', millis, isCheckout: false }),
    acquired: (_pool, millis, checkout) =>
      told.push({ what: 'acquired', millis, isCheckout: checkout !== undefined }),
    timedOut: () => told.push({ what: 'timedOut', millis: undefined, isCheckout: false }),
    released: (_pool, millis, checkout) =>
      told.push({ what: 'released', millis, isCheckout: checkout !== undefined }),
  })
  return { ...guarded, told, stop, whats: () => told.map(({ what }) => what) }
}

describe('an meter', () => {
  it('is told how long a connection took to open, a caller waited and a client was held', async () => {
    const { pool, clock, told } = observe({ max: 1 })
    const client = await pool.connect()
    const waiting = pool.connect()
    clock.advance(300)
    client.release()
    const next = await waiting
    clock.advance(70)
    next.release()
    expect(told).toEqual([
      // The driver announces a connection after its pool has answered the caller.
      { what: 'acquired', millis: 0, isCheckout: true },
      { what: 'connected', millis: 0, isCheckout: false },
      { what: 'released', millis: 300, isCheckout: true },
      { what: 'acquired', millis: 300, isCheckout: true },
      { what: 'released', millis: 70, isCheckout: true },
    ])
  })

  it('is told of the statements of pool.query, also of those that fail', async () => {
    const { pool, clock, told } = observe({ max: 1 })
    const holder = await pool.connect()
    told.length = 0
    const statement = pool.query('SELECT 1')
    clock.advance(40)
    holder.release()
    await statement
    await expect(pool.query('nonsense')).rejects.toThrow(/syntax/)
    expect(told.filter(({ isCheckout }) => !isCheckout)).toEqual([
      { what: 'acquired', millis: 40, isCheckout: false },
      { what: 'released', millis: 0, isCheckout: false },
      { what: 'acquired', millis: 0, isCheckout: false },
      { what: 'released', millis: 0, isCheckout: false },
    ])
  })

  it('is told once of a statement that turned out to open a transaction', async () => {
    const { pool, kinds, whats, found } = observe({ max: 1 })
    await pool.query('SELECT 1; /* which hides it */ BEGIN')
    await found('dirty-release')
    expect(kinds()).toEqual(['dirty-release'])
    expect(whats().toSorted()).toEqual(['acquired', 'connected', 'released'])
  })

  it('is told of the timeouts of connect and of pool.query, and of nothing else that fails', async () => {
    const { pool, whats, told } = observe({ max: 1 })
    const holder = await pool.connect()
    Object.assign(pool.options, { connectionTimeoutMillis: 50 })
    told.length = 0
    await expect(pool.connect()).rejects.toThrow(/timeout/)
    await expect(pool.query('SELECT 1')).rejects.toThrow(/timeout/)
    await new Promise<void>((resolve) => pool.connect(() => resolve()))
    expect(whats()).toEqual(['timedOut', 'timedOut', 'timedOut'])
    holder.release()
    const stranger = new pg.Pool({ ...db.config, database: 'nowhere' })
    const lifeguard = createLifeguard({ reporters: [] })
    lifeguard.watch(stranger)
    onTestFinished(() => lifeguard.close())
    let timeouts = 0
    const quiet = () => {}
    internalsOf(lifeguard)?.ledger.observe({
      statements: true,
      connected: quiet,
      acquired: quiet,
      released: quiet,
      timedOut: () => {
        timeouts += 1
      },
    })
    await expect(stranger.connect()).rejects.toThrow(/does not exist/)
    await expect(stranger.query('SELECT 1')).rejects.toThrow(/does not exist/)
    expect(timeouts).toBe(0)
    await stranger.end()
  })

  it('is told of the timeout of a connection that does not open', async () => {
    const proxy = await startProxy(db.config.port)
    onTestFinished(() => proxy.close())
    proxy.freeze()
    const { pool, whats } = observe({ host: '127.0.0.1', port: proxy.port, connectionTimeoutMillis: 50 })
    await expect(pool.connect()).rejects.toThrow(/timeout/)
    await expect(pool.query('SELECT 1')).rejects.toThrow(/timeout/)
    expect(whats()).toEqual(['timedOut', 'timedOut'])
  })

  it('is told of a session that a remedy took back when it is, and not again at its late release', async () => {
    const { pool, lifeguard, whats } = observe({ max: 1 })
    const guarded = guardedPool({ ...db.config, max: 1 }, { mode: 'enforce' })
    const released: number[] = []
    const quiet = () => {}
    internalsOf(guarded.lifeguard)?.ledger.observe({
      statements: false,
      connected: quiet,
      acquired: quiet,
      timedOut: quiet,
      released: (_pool, millis) => released.push(millis),
    })
    const leaked = await guarded.lifeguard.runInScope({ kind: 'job', name: 'leaky' }, () =>
      guarded.pool.connect(),
    )
    guarded.clock.advance(1_300)
    await guarded.found('outlived-scope')
    leaked.release()
    expect(released).toHaveLength(1)
    expect(released[0]).toBeGreaterThanOrEqual(1_000)
    await lifeguard.close()
    await pool.query('SELECT 1')
    expect(whats()).toEqual([])
  })

  it('hears nothing of pool.query unless it asks, and nothing at all when it has stopped', async () => {
    const { pool, whats, stop } = observe({ max: 1 }, false)
    await pool.query('SELECT 1')
    const client = await pool.connect()
    client.release()
    expect(whats().toSorted()).toEqual(['acquired', 'connected', 'released'])
    stop?.()
    const again = await pool.connect()
    again.release()
    await pool.query('SELECT 1')
    expect(whats().toSorted()).toEqual(['acquired', 'connected', 'released'])
  })

  it('leaves nothing behind on the pool', async () => {
    const { pool, lifeguard } = observe({ max: 1 })
    await pool.query('SELECT 1')
    await lifeguard.close()
    expect(Object.hasOwn(pool, 'newClient')).toBe(false)
    await pool.query('SELECT 1')
  })
})
