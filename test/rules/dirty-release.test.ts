import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(poolOptions: pg.PoolConfig = {}, options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 2, ...poolOptions }, options)
}

const unclosed = 'BEGIN; SELECT 1/0; COMMIT'

describe('dirty-release', () => {
  it('reports a release inside an open transaction, with the lines of connect and BEGIN', async () => {
    const { pool, findings, resolved, cleared } = guarded()
    const line = hereLine()
    const client = await pool.connect()
    await client.query('BEGIN')
    client.release()
    expect(findings).toMatchObject([
      {
        kind: 'dirty-release',
        certainty: 'certain',
        remedy: 'report',
        origin: { line: line + 1 },
        transactionOrigin: { line: line + 2 },
        checkout: { transaction: 'open' },
      },
    ])
    expect(resolved).toEqual([])
    await pool.query('ROLLBACK')
    expect(await cleared('dirty-release')).toMatchObject({ resolution: 'its session is clean again' })
  })

  it('reports a release in a failed transaction', async () => {
    const { pool, findings } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    await expect(client.query('SELECT 1/0')).rejects.toThrow()
    client.release()
    await pool.query('SELECT 1').catch(() => {})
    expect(findings).toMatchObject([{ kind: 'dirty-release', checkout: { transaction: 'failed' } }])
    expect(findings[0]?.hint).toMatch(/without ROLLBACK/)
  })

  it('tells the line of BEGIN through pool.query', async () => {
    const { pool, findings } = guarded()
    const line = hereLine()
    await pool.query('BEGIN')
    expect(findings).toMatchObject([
      {
        kind: 'dirty-release',
        origin: { line: line + 1 },
        checkout: { via: 'pool.query', lastQuery: 'BEGIN' },
      },
    ])
    expect(findings[0]?.hint).toMatch(/check one client out/)
  })

  it('tells of a transaction that pool.query opened in a form that cannot be seen in the text', async () => {
    const { pool, findings } = guarded()
    await pool.query('SELECT 1 /* ; */; start /* really */ transaction')
    expect(findings).toMatchObject([
      { kind: 'dirty-release', checkout: { via: 'pool.query', transaction: 'open' } },
    ])
  })

  it('finds a script that failed after its own BEGIN, though the status is stale at the release', async () => {
    const { pool, found } = guarded()
    const line = hereLine()
    const client = await pool.connect()
    try {
      await client.query(unclosed)
    } catch {
      // The application swallows it.
    } finally {
      client.release()
    }
    expect(await found('dirty-release')).toMatchObject({
      origin: { line: line + 1 },
      transactionOrigin: { line: line + 3 },
      checkout: { transaction: 'failed' },
    })
  })

  it('does not take a COMMIT that failed for an open transaction', async () => {
    const { pool, findings } = guarded()
    await pool.query('CREATE TABLE child (id int REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED)')
    for (let round = 0; round < 30; round += 1) {
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        await client.query('INSERT INTO child VALUES (-1)')
        await client.query('COMMIT')
      } catch (error) {
        expect(String(error)).toMatch(/foreign key/)
      } finally {
        client.release()
      }
    }
    await pool.query('SELECT 1')
    expect(findings).toEqual([])
  })

  it('does not blame the next owner for a transaction that it got', async () => {
    const { pool, findings } = guarded({ max: 1 })
    const first = await pool.connect()
    await first.query('BEGIN')
    first.release()
    const second = await pool.connect()
    await second.query('SELECT 1')
    second.release()
    expect(findings).toMatchObject([{ kind: 'dirty-release', checkout: { id: 1 } }])
  })

  it('is no finding when the client is released with an error, which closes it', async () => {
    const { pool, findings } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    client.release(true)
    await pool.query('SELECT 1')
    expect(findings).toEqual([])
  })

  it('resolves when the session is closed', async () => {
    const { pool, cleared } = guarded({ idleTimeoutMillis: 10 })
    const client = await pool.connect()
    await client.query('BEGIN')
    client.release()
    expect(await cleared('dirty-release')).toMatchObject({ resolution: 'its session was closed' })
  })
})
