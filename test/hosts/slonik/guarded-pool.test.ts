import { describe, expect, it } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { toyGuard } from './toy-guard.ts'
import { toyConnection } from './toy-slonik.ts'

const db = useDatabase()

describe('a Slonik pool with a guarded driver', () => {
  it('counts its connections itself', async () => {
    const { pool, lifeguard } = await toyGuard(db, 'lifeguardSlonik', { maxPoolSize: 3 })
    await pool.connect(() => pool.any('SELECT 1'))
    expect(lifeguard.snapshot().pools).toMatchObject([{ total: 2, idle: 2, waiting: 0, max: 3, out: 0 }])
    await pool.end()
    expect(lifeguard.snapshot().pools).toMatchObject([{ total: 0, idle: 0 }])
  })

  it('does not judge what owners leave in sessions that the pool resets', async () => {
    const { pool, findings } = await toyGuard(db, 'lifeguardSlonik', {}, { sessionState: { verify: true } })
    await pool.any("SET search_path TO 'elsewhere'")
    await pool.any('SELECT 1')
    expect(findings).toEqual([])
  })

  it('only observes what a driver makes of something else than node-postgres', async () => {
    const { lifeguardSlonik } = await import('../../../src/hosts/slonik/lifeguard-slonik.ts')
    const { createLifeguard } = await import('../../../src/index.ts')
    const { createToySlonik } = await import('./toy-slonik.ts')
    const lifeguard = createLifeguard({ reporters: [] })
    const connection = () => toyConnection({ query: async () => [], end: async () => {} })
    const driverFactory = async () => ({ createClient: async () => connection() })
    const pool = await createToySlonik(lifeguardSlonik(lifeguard, { driverFactory }))
    await pool.connect(async (owner) => {
      await owner.query('BEGIN')
      expect(lifeguard.snapshot()).toMatchObject({
        pools: [{ total: 1 }],
        checkouts: [{ transaction: 'unknown', queryCount: 1 }],
      })
    })
    expect(lifeguard.snapshot().checkouts).toEqual([])
    await lifeguard.close()
  })
})
