import { describe, expect, it } from 'vitest'
import { hereLine } from '../../support/guarded-pool.ts'
import { guardedToy } from './guarded-toy.ts'

describe('sql.reserve under guard', () => {
  it('is a checkout at its line, until its release', async () => {
    const { sql, checkouts, connections } = guardedToy()
    const line = hereLine(1)
    const reserved = await sql.reserve()
    expect(checkouts()).toMatchObject([{ phase: 'out', pid: 101, transaction: 'idle', origin: { line } }])
    await reserved`SELECT 1`
    expect(connections[0]?.written).toEqual(['', 'SELECT 1'])
    expect(reserved.release()).toBeUndefined()
    expect(checkouts()).toEqual([])
    expect(await sql.unsafe('SELECT 2')).toHaveProperty('0.text', 'SELECT 2')
  })

  it('does not free the connection of another by a second release, in enforce', async () => {
    const { sql, checkouts, kinds, connections } = guardedToy({ mode: 'enforce' })
    const first = await sql.reserve()
    first.release()
    const second = await sql.reserve()
    first.release()
    expect(kinds()).toEqual(['double-release'])
    expect(connections[0]?.reserved).not.toBeNull()
    second.release()
    expect(checkouts()).toEqual([])
  })

  it('gives a connection back for which its caller has not waited', async () => {
    const { sql, found, lifeguard, checkouts } = guardedToy({
      mode: 'enforce',
      remedies: { 'pool-deadlock': 'reject' },
    })
    await lifeguard.runInScope({ kind: 'job', name: 'nested' }, async () => {
      const holding = await sql.reserve()
      const rejected = sql.reserve().catch((error: unknown) => error)
      await found('pool-deadlock')
      expect(await rejected).toMatchObject({ code: 'LIFEGUARD_POOL_DEADLOCK' })
      holding.release()
    })
    const next = await sql.reserve()
    expect(checkouts()).toHaveLength(1)
    next.release()
  })
})
