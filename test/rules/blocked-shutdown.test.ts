import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(poolOptions: pg.PoolConfig = {}, options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 2, ...poolOptions }, options)
}

describe('blocked-shutdown', () => {
  it('names the client that pool.end() waits for, after a grace', async () => {
    const { pool, clock, findings, resolved } = guarded()
    const line = hereLine()
    const client = await pool.connect()
    const ended = pool.end()
    clock.advance(900)
    expect(findings).toEqual([])
    clock.advance(300)
    expect(findings).toMatchObject([
      { kind: 'blocked-shutdown', certainty: 'certain', origin: { line: line + 1 } },
    ])
    client.release()
    await ended
    expect(resolved).toMatchObject([{ kind: 'blocked-shutdown' }])
  })

  it('says nothing of a shutdown that is quick', async () => {
    const { pool, clock, findings } = guarded()
    const client = await pool.connect()
    const ended = pool.end()
    client.release()
    await ended
    clock.advance(10_000)
    expect(findings).toEqual([])
  })
})
