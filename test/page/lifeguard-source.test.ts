import { describe, expect, it } from 'vitest'
import { internalsOf } from '../../src/guard/internals.ts'
import { OptionError } from '../../src/index.ts'
import { LifeguardSource } from '../../src/page/lifeguard-source.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

describe('the data of a page', () => {
  it('begins a recording, and keeps statistics that no option asked for', async () => {
    const { lifeguard, pool, clock } = guardedPool(db.config)
    const source = new LifeguardSource('page', lifeguard, { title: 'orders' })
    expect(internalsOf(lifeguard)?.timeline.recorder).toBeDefined()
    expect(() => lifeguard.statistics()).toThrow(OptionError)
    const client = await pool.connect()
    clock.advance(300)
    client.release()
    const items = source.read()
    expect([...(items.get('checkouts')?.values() ?? [])]).toMatchObject([{ pool: 'main', slot: 0 }])
    expect([...(items.get('holders')?.values() ?? [])]).toMatchObject([
      { by: 'line', checkouts: 1, heldMillis: 300 },
      { by: 'route', label: '(no scope)' },
    ])
  })

  it('uses the statistics of the option', async () => {
    const { lifeguard, pool } = guardedPool(db.config, { statistics: true })
    const client = await pool.connect()
    client.release()
    const source = new LifeguardSource('page', lifeguard, { title: 'orders' })
    expect(source.read().get('holders')?.size).toBe(2)
  })

  it('is of a lifeguard', () => {
    expect(() => new LifeguardSource('page', {} as never, { title: 'x' })).toThrow(OptionError)
    expect(() => new LifeguardSource('page', undefined as never, { title: 'x' })).toThrow(OptionError)
  })
})
