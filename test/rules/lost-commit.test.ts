import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(poolOptions: pg.PoolConfig = {}, options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 2, ...poolOptions }, options)
}

describe('lost-commit', () => {
  it('reports a COMMIT that was answered by ROLLBACK', async () => {
    const { pool, findings } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('SELECT 1/0').catch(() => {})
    const answer = await client.query('COMMIT')
    expect(answer.command).toBe('ROLLBACK')
    expect(findings).toMatchObject([{ kind: 'lost-commit', certainty: 'certain' }])
    client.release()
  })

  it('says nothing of a ROLLBACK that was asked for', async () => {
    const { pool, findings } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('SELECT 1/0').catch(() => {})
    await client.query('ROLLBACK')
    client.release()
    expect(findings).toEqual([])
  })

  it('reports PREPARE TRANSACTION that was answered by ROLLBACK', async () => {
    const { pool, kinds } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('SELECT 1/0').catch(() => {})
    await client.query("PREPARE TRANSACTION 'lost'")
    client.release()
    expect(kinds()).toEqual(['lost-commit'])
  })
})
