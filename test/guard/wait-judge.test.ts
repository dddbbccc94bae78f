import { describe, expect, it } from 'vitest'
import { PoolDeadlockError } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

describe('callers that wait', () => {
  it('are judged while they wait, and no longer once they are served', async () => {
    const { pool, clock, kinds, resolved } = guardedPool(
      { ...db.config, max: 1 },
      { limits: { holdMillis: false } },
    )
    const holder = await pool.connect()
    const waiting = pool.connect()
    clock.advance(5_300)
    expect(kinds()).toEqual(['pool-exhausted'])
    holder.release()
    const client = await waiting
    expect(resolved).toMatchObject([{ kind: 'pool-exhausted', resolution: 'got a client after 5.3 s' }])
    clock.advance(60_000)
    expect(kinds()).toEqual(['pool-exhausted'])
    client.release()
  })

  it('are judged once more when the pool gives up on them, if no limit has found them before', async () => {
    const { pool, found } = guardedPool({ ...db.config, max: 1 }, { limits: { acquireWaitMillis: false } })
    const holder = await pool.connect()
    // Only now: a busy machine may take longer to connect.
    pool.options.connectionTimeoutMillis = 30
    await expect(pool.connect()).rejects.toThrow('timeout exceeded')
    expect(await found('pool-exhausted')).toMatchObject({ holders: [{ id: 1 }] })
    holder.release()
  })

  it('are not judged for any other error of the pool', async () => {
    const { pool, kinds } = guardedPool({ ...db.config, database: 'is_not_there' })
    await expect(pool.connect()).rejects.toMatchObject({ code: '3D000' })
    expect(kinds()).toEqual([])
  })

  it('are rejected in a deadlock where the remedy says so, the last one first', async () => {
    const { pool, clock, lifeguard, found } = guardedPool(
      { ...db.config, max: 1 },
      { remedies: { 'pool-deadlock': 'reject' } },
    )
    const work = lifeguard.runInScope({ kind: 'request', name: 'GET /' }, async () => {
      const client = await pool.connect()
      try {
        await pool.connect()
      } finally {
        client.release()
      }
    })
    const outcome = expect(work).rejects.toBeInstanceOf(PoolDeadlockError)
    await eventually(() => expect(pool.waitingCount).toBe(1))
    clock.advance(1_000)
    await outcome
    expect(await found('pool-deadlock')).toMatchObject({ outcome: 'rejected' })
  })
})
