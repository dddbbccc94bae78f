import type pg from 'pg'
import { beforeEach, expect } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { type GuardedPool, guardedPool } from '../support/guarded-pool.ts'

type Options = Parameters<typeof guardedPool>[1]

export const insert = "INSERT INTO items (note) VALUES ('after')"

/** A database whose table `items` is empty at the beginning of each test, and guards of it that enforce. */
export function useEnforcedPools() {
  const db = useDatabase()
  beforeEach(async () => {
    // A statement that the test before left under way must not run on the table of this one.
    await eventually(async () => expect(await db.sessions()).toEqual([]))
    await db.query('TRUNCATE items')
  })

  const enforced = (poolOptions: pg.PoolConfig = {}, options: Options = {}): GuardedPool =>
    guardedPool({ ...db.config, max: 1, ...poolOptions }, { mode: 'enforce', ...options })

  async function notes(): Promise<string[]> {
    const { rows } = await db.query<{ note: string }>('SELECT note FROM items ORDER BY id')
    return rows.map(({ note }) => note)
  }
  return { db, enforced, notes }
}

/** A client whose transaction was left open and has been rolled back by the guard. */
export async function rolledBack(guarded: GuardedPool): Promise<pg.PoolClient> {
  const client = await guarded.pool.connect()
  await client.query('BEGIN')
  await client.query("INSERT INTO items (note) VALUES ('before')")
  guarded.clock.advance(10_300)
  expect(await guarded.found('idle-transaction')).toMatchObject({
    remedy: 'rollback',
    outcome: 'rolled-back',
  })
  return client
}
