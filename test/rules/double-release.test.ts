import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(poolOptions: pg.PoolConfig = {}, options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 2, ...poolOptions }, options)
}

describe('double-release', () => {
  it('reports the second release with its own line and keeps the error of the pool', async () => {
    const { pool, findings, resolved } = guarded()
    const client = await pool.connect()
    client.release()
    const line = hereLine()
    expect(() => client.release()).toThrow(
      'Release called on client which has already been released to the pool.',
    )
    expect(findings).toMatchObject([
      { kind: 'double-release', certainty: 'certain', eventOrigin: { line: line + 1 }, remedy: 'report' },
    ])
    expect(resolved).toEqual([])
  })

  it('does not free the next owner when an old done is called', async () => {
    const { pool, kinds } = guarded({ max: 1 })
    const stale = await new Promise<(error?: unknown) => void>((resolve, reject) => {
      pool.connect((error, _client, done) => (error ? reject(error) : resolve(done)))
    })
    stale()
    const next = await pool.connect()
    expect(() => stale()).toThrow('already been released')
    expect(pool.idleCount).toBe(0)
    expect(kinds()).toEqual(['double-release'])
    next.release()
    expect(pool.idleCount).toBe(1)
  })
})
