import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool, socketOf } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(poolOptions: pg.PoolConfig = {}, options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 2, ...poolOptions }, options)
}

describe('session-killed', () => {
  it('reports a session that an administrator ended while it idled, and the process lives', async () => {
    const { pool, found, cleared } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    await db.terminate((client as unknown as { processID: number }).processID)
    const finding = await found('session-killed')
    expect(finding).toMatchObject({ certainty: 'certain' })
    expect(finding.hint).toMatch(/57P01/)
    await expect(client.query('SELECT 1')).rejects.toThrow()
    client.release()
    await cleared('session-killed')
    await pool.query('SELECT 1')
  })

  it('reports one that was ended in the middle of a statement, whose promise rejects as always', async () => {
    const { pool, found } = guarded()
    const client = await pool.connect()
    const running = expect(client.query('SELECT pg_sleep(5)')).rejects.toThrow('terminating connection')
    await db.terminate((client as unknown as { processID: number }).processID)
    await running
    expect((await found('session-killed')).hint).toMatch(/57P01/)
    client.release()
  })

  it('reports one whose owner releases in finally, before the driver tells that the connection is lost', async () => {
    const { pool, found } = guarded({ max: 1 })
    const client = await pool.connect()
    const pid = (client as unknown as { processID: number }).processID
    const running = client.query('SELECT pg_sleep(10)').finally(() => client.release())
    const rejected = expect(running).rejects.toThrow('terminating connection')
    await eventually(async () => expect(await db.sessions()).toMatchObject([{ state: 'active' }]))
    await db.terminate(pid)
    await rejected
    expect((await found('session-killed')).hint).toMatch(/57P01/)
  })

  it('reports idle_in_transaction_session_timeout by name', async () => {
    const { pool, found } = guarded({ idle_in_transaction_session_timeout: 50 })
    const client = await pool.connect()
    await client.query('BEGIN')
    expect((await found('session-killed')).hint).toMatch(/idle_in_transaction_session_timeout.*25P03/)
    client.release()
  })

  it('reports a lost socket', async () => {
    const { pool, found } = guarded()
    const client = await pool.connect()
    socketOf(client).destroy()
    expect((await found('session-killed')).hint).toMatch(/the connection was lost/)
    client.release()
  })

  it('ends what was found about its transaction', async () => {
    const { pool, clock, cleared } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(11_000)
    await db.terminate((client as unknown as { processID: number }).processID)
    expect(await cleared('idle-transaction')).toMatchObject({
      resolution: 'its session was ended by the server',
    })
    client.release()
  })

  it("still calls the application's own listener", async () => {
    const { pool, found } = guarded()
    const client = await pool.connect()
    const errors: Error[] = []
    client.on('error', (error) => errors.push(error))
    await db.terminate((client as unknown as { processID: number }).processID)
    await found('session-killed')
    await eventually(() => expect(errors.length).toBeGreaterThan(0))
    client.release()
  })
})
