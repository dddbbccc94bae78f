import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { OptionError } from '../../src/index.ts'
import { databaseConnector, requireDatabase } from '../../src/page/database.ts'
import { useDatabase } from '../support/database.ts'

const db = useDatabase()

async function databaseOf(connect: ReturnType<typeof databaseConnector>): Promise<unknown> {
  await using control = await connect()
  const { rows } = await control.query('SELECT current_database() AS name')
  return (rows[0] as { name: string }).name
}

function poolOf(options: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(options)
  onTestFinished(() => pool.end())
  return pool
}

describe('the database of a page', () => {
  it('is that of a connection string', async () => {
    expect(await databaseOf(databaseConnector(db.url))).toBe(db.config.database)
  })

  it('is that of a pool, by its options or its connection string, whose clients it does not take', async () => {
    const pools = [poolOf({ ...db.config, max: 1 }), poolOf({ connectionString: db.url, max: 1 })]
    for (const pool of pools) {
      expect(await databaseOf(databaseConnector(pool))).toBe(db.config.database)
      expect(pool.totalCount).toBe(0)
    }
  })

  it('is nothing else, and the error does not show it, which may be a password', () => {
    for (const value of ['', 'no url', 5, null, {}]) {
      expect(() => requireDatabase('database', value as never)).toThrow(OptionError)
    }
    expect(() => requireDatabase('database', 'hunter2' as never)).not.toThrow(/hunter2/)
  })
})
