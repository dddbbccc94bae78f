import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()
const limits = { idleTransactionMillis: 10_000, transactionMillis: 60_000, holdMillis: 30_000 }

function guarded(options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 2 }, { limits, ...options })
}

describe('long-transaction', () => {
  it('reports a transaction that is busy for longer than the limit and says how long it was left alone', async () => {
    const { pool, clock, findings, resolved } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    for (let step = 0; step < 8; step += 1) {
      clock.advance(8_000)
      await client.query('SELECT 1')
    }
    expect(findings.map(({ kind }) => kind)).toEqual(['long-hold', 'long-transaction'])
    expect(findings[1]?.hint).toMatch(/^no statement was running for 1 min of the transaction/)
    await client.query('ROLLBACK')
    expect(resolved.map(({ kind }) => kind)).toEqual(['long-transaction'])
    client.release()
    expect(resolved.map(({ kind }) => kind)).toEqual(['long-transaction', 'long-hold'])
  })

  it('says that its statements took the time', async () => {
    const { pool, clock, findings } = guarded({ limits: { ...limits, holdMillis: false } })
    const client = await pool.connect()
    await client.query('BEGIN')
    for (let step = 0; step < 6; step += 1) {
      const running = client.query('SELECT pg_sleep(0.01)')
      clock.advance(9_000)
      await running
    }
    const last = client.query('SELECT pg_sleep(0.2)')
    clock.advance(7_000)
    expect(findings[0]?.hint).toMatch(/^its statements took 5\d(\.\d)? s of the transaction/)
    await last
  })

  it('starts anew where a transaction is chained to the one before', async () => {
    const { pool, clock, kinds } = guarded({ limits: { ...limits, holdMillis: false } })
    const client = await pool.connect()
    await client.query('BEGIN')
    for (let step = 0; step < 20; step += 1) {
      clock.advance(8_000)
      await client.query('COMMIT AND CHAIN')
    }
    await client.query('COMMIT')
    expect(kinds()).toEqual([])
  })

  it('does not start anew at a savepoint', async () => {
    const { pool, clock, kinds } = guarded({ limits: { ...limits, holdMillis: false } })
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('SAVEPOINT one')
    for (let step = 0; step < 8; step += 1) {
      clock.advance(8_000)
      await client.query('ROLLBACK TO SAVEPOINT one')
    }
    expect(kinds()).toEqual(['long-transaction'])
  })
})
