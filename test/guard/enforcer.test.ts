import { describe, expect, it } from 'vitest'
import { TransactionRolledBackError } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

describe('a remedy', () => {
  it('is the one of the mode, unless the options name another', async () => {
    const observed = guardedPool({ ...db.config, max: 1 })
    const enforced = guardedPool({ ...db.config, max: 1 }, { mode: 'enforce' })
    const chosen = guardedPool(
      { ...db.config, max: 1 },
      { mode: 'enforce', remedies: { 'idle-transaction': 'report' } },
    )
    for (const { pool, clock, found } of [observed, enforced, chosen]) {
      const client = await pool.connect()
      await client.query('BEGIN')
      clock.advance(10_300)
      await found('idle-transaction')
    }
    const remedies = [observed, enforced, chosen].map(({ findings }) => findings[0]?.remedy)
    expect(remedies).toEqual(['report', 'rollback', 'report'])
  })

  it('is waited for by close()', async () => {
    const { pool, clock, lifeguard, findings } = guardedPool({ ...db.config, max: 1 }, { mode: 'enforce' })
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(10_300)
    expect(findings).toEqual([])
    await lifeguard.close()
    expect(findings).toMatchObject([{ kind: 'idle-transaction', outcome: 'rolled-back' }])
    client.release()
  })

  it('acts a second time on an owner that neither releases nor sends ROLLBACK', async () => {
    const { pool, clock, found, remedied } = guardedPool({ ...db.config, max: 1 }, { mode: 'enforce' })
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(10_300)
    expect(await found('idle-transaction')).toMatchObject({ outcome: 'rolled-back' })
    await expect(client.query('SELECT 1')).rejects.toBeInstanceOf(TransactionRolledBackError)
    clock.advance(10_300)
    await eventually(() =>
      expect(remedied).toMatchObject([
        { outcome: 'destroyed', outcomeDetail: 'still held 10 s after the rollback' },
      ]),
    )
    client.release()
  })

  it('does not act a second time on an owner that sent ROLLBACK', async () => {
    const { pool, clock, found, remedied, resolved } = guardedPool(
      { ...db.config, max: 1 },
      { mode: 'enforce' },
    )
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(10_300)
    await found('idle-transaction')
    await client.query('ROLLBACK')
    expect(resolved).toMatchObject([{ resolution: 'its owner sent ROLLBACK' }])
    clock.advance(20_000)
    await client.query('SELECT 1')
    expect(remedied).toEqual([])
    client.release()
  })
})
