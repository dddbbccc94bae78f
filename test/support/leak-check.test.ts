import pg from 'pg'
import { expect, it } from 'vitest'
import { useDatabase } from './database.ts'
import { hereLine } from './guarded-pool.ts'
import { expectAllEnded } from './leak-check.ts'

const db = useDatabase()
const quick = { withinMillis: 50 }

it('fails a test file that leaves a client or a pool open, until they are ended', async () => {
  const client = new pg.Client(db.config)
  await client.connect()
  const line = hereLine(-1)
  await expect(expectAllEnded(quick)).rejects.toThrow(
    `- a client, connected at ${import.meta.filename}:${line}`,
  )
  await client.end()

  const pool = new pg.Pool(db.config)
  await pool.query('SELECT 1')
  await expect(expectAllEnded(quick)).rejects.toThrow('- of a pool, connected at ')
  await pool.end()
  await expectAllEnded()
})

it('does not count the connection that the database itself asks with', async () => {
  await db.query('SELECT 1')
  await expectAllEnded(quick)
})
