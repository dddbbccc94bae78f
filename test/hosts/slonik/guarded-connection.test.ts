import { describe, expect, it } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { toyGuard } from './toy-guard.ts'

const db = useDatabase()

describe('a connection of a guarded driver', () => {
  it('is that of a client, whose transaction is known', async () => {
    const { pool, lifeguard, clients } = await toyGuard(db, 'lifeguardSlonik')
    await pool.transaction(async () => {
      expect(lifeguard.snapshot().checkouts).toMatchObject([
        { transaction: 'open', pid: Reflect.get(clients[0] ?? {}, 'processID') },
      ])
    })
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })

  it('is over when its owner fails, and when the driver closes it', async () => {
    const { pool, lifeguard, findings } = await toyGuard(db, 'lifeguardSlonik')
    const failing = pool.connect(() => Promise.reject(new Error('its own')))
    await expect(failing).rejects.toThrow('its own')
    expect(lifeguard.snapshot()).toMatchObject({ checkouts: [], pools: [{ total: 0 }] })
    await pool.connect(async ({ connection }) => {
      await connection.destroy()
      expect(lifeguard.snapshot().checkouts).toEqual([])
    })
    expect(findings).toEqual([])
  })

  it('is closed by a remedy under its owner, whose statements fail with its error', async () => {
    const { pool, lifeguard, clock } = await toyGuard(
      db,
      'lifeguardSlonik',
      { maxPoolSize: 1 },
      { mode: 'enforce', remedies: { 'long-hold': 'destroy' } },
    )
    const holding = pool.connect(async (owner) => {
      const served = pool.any('SELECT 1')
      await eventually(() => expect(lifeguard.snapshot().pools).toMatchObject([{ waiting: 1 }]))
      clock.advance(600_000)
      await served
      await owner.query('SELECT 2')
    })
    await expect(holding).rejects.toMatchObject({ code: 'LIFEGUARD_SESSION_DESTROYED' })
    await eventually(() => expect(lifeguard.snapshot().checkouts).toEqual([]))
    expect(await pool.any('SELECT 3 AS n')).toMatchObject({ rows: [{ n: 3 }] })
  })

  it('is held back at its release until a remedy is done with it', async () => {
    const { pool, findings, clients } = await toyGuard(
      db,
      'lifeguardSlonik',
      { maxPoolSize: 1 },
      { mode: 'enforce' },
    )
    await pool.connect((owner) => owner.query('BEGIN'))
    expect(findings.map(({ kind }) => kind)).toEqual(['dirty-release'])
    await pool.any('SELECT 1')
    expect(clients).toHaveLength(1)
  })
})
