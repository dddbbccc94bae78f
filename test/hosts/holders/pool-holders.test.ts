import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import pgPromise from 'pg-promise'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard } from '../../../src/index.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()

function openPool(): pg.Pool {
  const pool = new pg.Pool({ ...db.config, max: 1 })
  onTestFinished(() => (pool.ended ? undefined : pool.end()))
  return pool
}

/** As TypeORM makes them: `initialize` opens the pools of the driver. */
function dataSource(type: string, readers = 0) {
  const driver: { master: pg.Pool | undefined; slaves: pg.Pool[] } = { master: undefined, slaves: [] }
  return {
    options: { type },
    driver,
    createQueryRunner() {},
    async initialize() {
      driver.master = openPool()
      driver.slaves = Array.from({ length: readers }, openPool)
      return this
    },
  }
}

describe('what holds a pool of node-postgres', () => {
  it('is watched through it: Drizzle', () => {
    const lifeguard = createLifeguard({ reporters: [] })
    lifeguard.watch(drizzle({ client: openPool() }), { name: 'drizzle' })
    expect(lifeguard.snapshot().pools).toMatchObject([{ name: 'drizzle' }])
  })

  it('is watched through it: pg-promise', async () => {
    const lifeguard = createLifeguard({ reporters: [] })
    const database = pgPromise({ noWarnings: true })(db.config)
    onTestFinished(() => database.$pool.end())
    lifeguard.watch(database)
    await database.one('SELECT 1')
    expect(lifeguard.snapshot().pools).toMatchObject([{ total: 1 }])
  })

  it('is watched from when it makes them, and again: a TypeORM data source', async () => {
    const lifeguard = createLifeguard({ reporters: [] })
    const source = dataSource('postgres', 1)
    const unwatch = lifeguard.watch(source, { name: 'main' })
    expect(lifeguard.snapshot().pools).toEqual([])
    await source.initialize()
    const names = () => lifeguard.snapshot().pools.map(({ name }) => name)
    expect(names()).toEqual(['main', 'main-read-1'])
    await source.initialize()
    expect(names()).toEqual(['main', 'main-read-1'])
    unwatch()
    expect(names()).toEqual([])
    expect(Object.keys(source)).toContain('initialize')
  })

  it('is refused where it is not PostgreSQL', () => {
    const lifeguard = createLifeguard({ reporters: [] })
    expect(() => lifeguard.watch(dataSource('mysql'))).toThrow(/expects TypeORM on PostgreSQL, got mysql/)
  })
})
