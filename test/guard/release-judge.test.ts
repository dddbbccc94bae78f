import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import type { LifeguardOptions } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(options: LifeguardOptions = {}) {
  return guardedPool({ ...db.config, max: 1 }, options)
}

async function releaseDirty(pool: pg.Pool): Promise<void> {
  const client = await pool.connect()
  await client.query('BEGIN')
  client.release()
}

describe('a dirty release', () => {
  it('reaches the next owner in observe', async () => {
    const { pool, kinds } = guarded()
    await releaseDirty(pool)
    expect(kinds()).toEqual(['dirty-release'])
    const next = await pool.connect()
    await next.query('SELECT 1')
    expect((next as unknown as { getTransactionStatus(): string }).getTransactionStatus()).toBe('T')
    await next.query('ROLLBACK')
    next.release()
  })

  it('is rolled back before the next owner gets the client in enforce', async () => {
    const { pool, found, cleared } = guarded({ mode: 'enforce' })
    await releaseDirty(pool)
    const next = await pool.connect()
    expect(await found('dirty-release')).toMatchObject({ outcome: 'rolled-back' })
    expect(await cleared('dirty-release')).toMatchObject({
      resolution: 'rolled back before the next owner could use it',
    })
    expect((next as unknown as { getTransactionStatus(): string }).getTransactionStatus()).toBe('I')
    next.release()
  })

  it('is judged by the state that the server reports after a failed statement', async () => {
    const { pool, found } = guarded({ mode: 'enforce' })
    const client = await pool.connect()
    await expect(client.query('BEGIN; SELECT 1/0')).rejects.toMatchObject({ code: '22012' })
    client.release()
    const next = await pool.connect()
    expect(await found('dirty-release')).toMatchObject({ outcome: 'rolled-back' })
    next.release()
  })
})

it('says busy rather than dirty of a client with a statement under way in a transaction', async () => {
  const { pool, kinds } = guarded()
  const client = await pool.connect()
  await client.query('BEGIN')
  const running = client.query('SELECT pg_sleep(0.05)')
  client.release()
  expect(kinds()).toEqual(['busy-release'])
  await running
})
