import { drizzle } from 'drizzle-orm/node-postgres'
import knexModule, { type Knex } from 'knex'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

describe('the hint for a client that was lost', () => {
  it('names Drizzle, which does not release one whose BEGIN has failed', async () => {
    const { pool, clock, findings } = guardedPool({ ...db.config, max: 1 }, { limits: { holdMillis: 1_000 } })
    const database = drizzle({ client: pool })
    const failing = database.transaction(async () => {}, { isolationLevel: 'nonsense' as 'serializable' })
    await expect(failing).rejects.toThrow()
    clock.advance(1_200)
    expect(findings).toMatchObject([
      { kind: 'long-hold', hint: expect.stringContaining('Drizzle does not release the client') },
    ])
  })

  it('names Kysely, which does not release one whose commit has failed in a controlled transaction', async () => {
    const { pool, clock, findings } = guardedPool({ ...db.config, max: 1 }, { limits: { holdMillis: 1_000 } })
    await db.query('CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)')
    const database = new Kysely<object>({ dialect: new PostgresDialect({ pool }) })
    const transaction = await database.startTransaction().execute()
    await sql`INSERT INTO late VALUES (1), (1)`.execute(transaction)
    await expect(transaction.commit().execute()).rejects.toThrow('duplicate key')
    clock.advance(1_200)
    expect(findings).toMatchObject([
      { kind: 'long-hold', hint: expect.stringContaining('a controlled transaction of Kysely') },
    ])
  })

  it('names no library where the application has not released after an error', async () => {
    const { pool, clock, findings } = guardedPool({ ...db.config, max: 1 }, { limits: { holdMillis: 1_000 } })
    const client = await pool.connect()
    await client.query('BEGIN ISOLATION LEVEL nonsense').catch(() => {})
    clock.advance(1_200)
    expect(findings).toMatchObject([
      { kind: 'long-hold', hint: expect.stringContaining('call release in finally') },
    ])
    client.release()
  })
})

describe('the hint for a second release', () => {
  it('names Knex, which releases the client of a stream twice', async () => {
    const { pool, findings } = guardedPool({ ...db.config, max: 1 })
    const knex = knexModule({ client: 'pg', connectionPool: pool } as Knex.Config)
    const uncaught = nextUncaught()
    let rows = 0
    for await (const _row of knex.raw('SELECT generate_series(1, 3)').stream()) rows += 1
    expect(rows).toBe(3)
    // As without the guard.
    expect(await uncaught).toMatchObject({ message: expect.stringContaining('already been released') })
    expect(findings).toMatchObject([
      { kind: 'double-release', hint: expect.stringContaining('released twice by Knex') },
    ])
  })
})

/** The next error that nobody catches, which is not the test runner's to report. */
function nextUncaught(): Promise<Error> {
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  return new Promise((resolve) => {
    process.once('uncaughtException', (error) => {
      for (const listener of listeners) process.on('uncaughtException', listener)
      resolve(error)
    })
  })
}
