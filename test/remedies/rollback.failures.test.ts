import { describe, expect, it, onTestFinished } from 'vitest'
import { SessionDestroyedError } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { insert, useEnforcedPools } from './enforced-pools.ts'

const { db, enforced, notes } = useEnforcedPools()

describe('a remedy that fails', () => {
  it('is bounded when ROLLBACK hangs, and still frees the slot', async () => {
    const { guarded, client, proxy } = await hangingInRollback()
    expect(guarded.pool.totalCount).toBe(1)
    // The bounds on ROLLBACK and on the cancel request each count from the next turn of the event loop.
    await eventually(() => {
      guarded.clock.advance(500)
      expect(guarded.pool.totalCount).toBe(0)
    })
    proxy.thaw()
    const next = await guarded.pool.connect()
    expect(guarded.findings).toMatchObject([
      {
        kind: 'idle-transaction',
        outcome: 'destroyed',
        outcomeDetail: 'ROLLBACK failed: no answer within 2 s',
      },
    ])
    await expect(client.query(insert)).rejects.toBeInstanceOf(SessionDestroyedError)
    client.release()
    next.release()
    guarded.clock.advance(2_000)
    await eventually(async () => expect(await notes()).toEqual([]))
  })

  it('still frees the slot when the connection is lost under it', async () => {
    const { guarded, client, proxy } = await hangingInRollback()
    proxy.cut()
    await eventually(() => expect(guarded.pool.totalCount).toBe(0))
    proxy.thaw()
    await guarded.pool.query('SELECT 1')
    client.release()
    expect(guarded.pool).toMatchObject({ totalCount: 1, idleCount: 1 })
  })

  it('does not keep a release that comes while it is at work', async () => {
    const { guarded, client, proxy } = await hangingInRollback()
    client.release()
    expect(() => client.release()).toThrow('already been released')
    expect(guarded.pool.idleCount).toBe(0)
    proxy.thaw()
    await eventually(() => expect(guarded.pool.idleCount).toBe(1))
    await guarded.pool.query(insert)
    expect(await notes()).toEqual(['after'])
  })
})

/** A client in a transaction that is being rolled back, by a server that does not answer. */
async function hangingInRollback() {
  const proxy = await startProxy(db.config.port)
  onTestFinished(() => proxy.close())
  const guarded = enforced({ port: proxy.port })
  const client = await guarded.pool.connect()
  await client.query('BEGIN')
  await client.query("INSERT INTO items (note) VALUES ('before')")
  proxy.freeze()
  guarded.clock.advance(10_300)
  return { guarded, client, proxy }
}
