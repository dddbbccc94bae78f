import { describe, expect, it } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { toyGuard } from './toy-guard.ts'

const db = useDatabase()

describe('a Slonik pool that is only observed', () => {
  it('says what its pool says of itself', async () => {
    const { pool, lifeguard } = await toyGuard(db, 'watch', { maxPoolSize: 3, minPoolSize: 0 })
    await pool.connect(async () => {
      expect(lifeguard.snapshot().pools).toEqual([
        { name: 'main', total: 1, idle: 0, waiting: 0, max: 3, min: 0, out: 1, ending: false },
      ])
    })
    expect(lifeguard.snapshot().pools).toMatchObject([{ total: 1, idle: 1, out: 0 }])
  })

  it('puts its interceptors around those of the pool, whose array it leaves alone', async () => {
    const own = { name: 'own' }
    const given = [own]
    const { pool, unwatch } = await toyGuard(db, 'watch', { interceptors: given })
    expect(pool.configuration.interceptors.map(({ name }) => name)).toEqual([
      'pg-lifeguard',
      'own',
      'pg-lifeguard',
    ])
    expect(given).toEqual([own])
    unwatch()
    expect(pool.configuration.interceptors).toBe(given)
  })

  it('keeps what was added to the interceptors meanwhile', async () => {
    const { pool, unwatch } = await toyGuard(db, 'watch')
    const later = { name: 'later' }
    pool.configuration.interceptors = [...pool.configuration.interceptors, later]
    unwatch()
    expect(pool.configuration.interceptors).toEqual([later])
  })

  it('reports and applies no remedy', async () => {
    const { pool, lifeguard, clock, findings } = await toyGuard(db, 'watch', {}, { mode: 'enforce' })
    await pool.transaction(async (owner) => {
      const scope = lifeguard.openScope({ kind: 'job', name: 'leaves' })
      scope.end('done')
      clock.advance(600_000)
      await owner.query('SELECT 1')
    })
    expect(findings.map(({ kind, remedy }) => [kind, remedy])).toEqual([['long-hold', 'report']])
  })
})
