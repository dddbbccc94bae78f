import pg from 'pg'
import { Pool as TarnPool } from 'tarn'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard, type Lifeguard } from '../../src/index.ts'
import { PoolAdoption } from '../../src/register/pools.ts'
import { useDatabase } from '../support/database.ts'

const db = useDatabase()

function adoption() {
  const made: Lifeguard[] = []
  const pools = new PoolAdoption(() => {
    made[0] ??= createLifeguard({ reporters: [] })
    return made[0]
  })
  onTestFinished(async () => await made[0]?.close())
  return { pools, made }
}

/** A class of the test's own, so that other tests' pools keep their prototype. */
function ownClass(): typeof pg.Pool {
  class Pool extends pg.Pool {}
  const { connect, query } = pg.Pool.prototype
  Object.defineProperties(Pool.prototype, {
    connect: { value: connect, writable: true, configurable: true },
    query: { value: query, writable: true, configurable: true },
  })
  return Pool
}

describe('a pool of node-postgres', () => {
  it('is watched at its first use, also when it was made before', async () => {
    const { pools, made } = adoption()
    const Pool = ownClass()
    const pool = new Pool(db.config)
    onTestFinished(() => pool.end())
    pools.loaded('pg-pool', Pool)
    expect(made).toEqual([])
    const client = await pool.connect()
    expect(made[0]?.snapshot().checkouts).toHaveLength(1)
    client.release()
    expect(await pool.query('SELECT 1 AS one')).toMatchObject({ rows: [{ one: 1 }] })
  })

  it('is left alone after another lifeguard has taken it over', async () => {
    const { pools, made } = adoption()
    const Pool = ownClass()
    pools.loaded('pg-pool', Pool)
    const pool = new Pool(db.config)
    onTestFinished(() => pool.end())
    await pool.query('SELECT 1')
    const own = createLifeguard({ reporters: [] })
    const unwatch = own.watch(pool)
    expect(made[0]?.snapshot().pools).toEqual([])
    unwatch()
    await pool.query('SELECT 1')
    expect(made[0]?.snapshot().pools).toEqual([])
    await own.close()
  })
})

describe('a pool of tarn', () => {
  function tarn() {
    class Pool<Resource> extends TarnPool<Resource> {
      override acquire() {
        return super.acquire()
      }
    }
    return Pool
  }
  const resources = { min: 0, max: 1, destroy: () => {} }

  it('is left alone while no driver of PostgreSQL is loaded', async () => {
    const { pools, made } = adoption()
    const Pool = tarn()
    pools.loaded('tarn', { Pool })
    const pool = new Pool({ ...resources, create: () => ({ mysql: true }) })
    const resource = await pool.acquire().promise
    expect(pool.release(resource)).toBe(true)
    expect([made, pools.hasDriver]).toEqual([[], false])
    await pool.destroy()
  })

  it('whose resources are no clients works as it does alone', async () => {
    const { pools, made } = adoption()
    const Pool = tarn()
    pools.loaded('pg', {})
    pools.loaded('tarn', { Pool })
    const pool = new Pool({ ...resources, create: () => ({ mysql: true }) })
    for (const _ of [1, 2, 3]) {
      const resource = await pool.acquire().promise
      expect(resource).toEqual({ mysql: true })
      expect(pool.release(resource)).toBe(true)
    }
    expect(made[0]?.snapshot()).toMatchObject({ checkouts: [], findings: [] })
    await pool.destroy()
  })
})

it('names a driver that cannot be watched from outside', () => {
  const { pools } = adoption()
  pools.loaded('postgres', () => {})
  expect([pools.hasDriver, pools.unseenDriver]).toEqual([false, 'postgres'])
})
