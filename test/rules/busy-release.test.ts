import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(poolOptions: pg.PoolConfig = {}, options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 2, ...poolOptions }, options)
}

describe('busy-release', () => {
  it('reports a release before an un-awaited query has run', async () => {
    const { pool, findings, cleared } = guarded()
    const client = await pool.connect()
    const running = client.query('SELECT pg_sleep(0.05)')
    client.release()
    expect(findings).toMatchObject([{ kind: 'busy-release', certainty: 'certain' }])
    expect(findings[0]?.hint).toMatch(/not awaited/)
    await running
    await cleared('busy-release')
  })

  it('does not blame the next owner for a BEGIN that was not awaited', async () => {
    const { pool, kinds, clock } = guarded({ max: 1 })
    const first = await pool.connect()
    const begun = first.query('BEGIN')
    first.release()
    const second = await pool.connect()
    await begun
    await second.query('SELECT 1')
    second.release()
    clock.advance(1_000)
    expect(kinds()).toEqual(['busy-release'])
  })

  it('does not take a failed statement that awaits ReadyForQuery for work', async () => {
    const { pool, findings } = guarded()
    for (let round = 0; round < 30; round += 1) {
      const client = await pool.connect()
      await client.query('SELECT 1/0').catch(() => client.release())
    }
    await pool.query('SELECT 1')
    expect(findings).toEqual([])
  })
})
