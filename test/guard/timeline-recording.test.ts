import { describe, expect, it } from 'vitest'
import { internalsOf } from '../../src/guard/internals.ts'
import { createLifeguard, manualClock, OptionError } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()

describe('lifeguard.timeline()', () => {
  it('is an option, and says so', () => {
    const lifeguard = createLifeguard({ reporters: [] })
    expect(() => lifeguard.timeline()).toThrow(OptionError)
    expect(() => lifeguard.timeline()).toThrow(/timeline must be on/)
    expect(internalsOf(lifeguard)?.ledger.recorder).toBeUndefined()
    expect(internalsOf(lifeguard)?.ledger.meter).toBeUndefined()
  })

  it('has checkouts of a real pool, with their line, session, scope and transaction', async () => {
    const { pool, lifeguard, clock } = guardedPool(db.config, { timeline: {} })
    const line = hereLine(2)
    await lifeguard.runInScope({ kind: 'job', name: 'nightly' }, async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      clock.advance(500)
      await client.query('COMMIT')
      clock.advance(500)
      client.release()
    })
    const { pools } = lifeguard.timeline()
    const [checkout] = pools[0]?.checkouts ?? []
    expect(pools).toMatchObject([{ name: 'main', max: 10, omitted: 0 }])
    expect(checkout).toMatchObject({
      slot: 0,
      pid: expect.any(Number),
      origin: { file: import.meta.filename, line },
      scope: { kind: 'job', name: 'nightly' },
    })
    const [transaction] = checkout?.transactions ?? []
    expect((checkout?.endedAt ?? 0) - (checkout?.acquiredAt ?? 0)).toBe(1_000)
    expect((transaction?.endedAt ?? 0) - (transaction?.startedAt ?? 0)).toBe(500)
  })

  it('has the transaction of a session that was ended from outside', async () => {
    const { pool, lifeguard, clock, found } = guardedPool(db.config, { timeline: {} })
    const client = await pool.connect()
    client.on('error', () => {})
    await client.query('BEGIN')
    clock.advance(700)
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
    await pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid])
    await found('session-killed')
    client.release(true)
    const [transaction] = lifeguard.timeline().pools[0]?.checkouts[0]?.transactions ?? []
    expect((transaction?.endedAt ?? 0) - (transaction?.startedAt ?? 0)).toBe(700)
  })

  it('notes the use of the pool each second, until the lifeguard is closed', async () => {
    const { pool, lifeguard, clock } = guardedPool(db.config, { timeline: {} })
    const client = await pool.connect()
    clock.advance(3_000)
    client.release()
    await lifeguard.close()
    clock.advance(3_000)
    expect(lifeguard.timeline().pools[0]?.levels.map(({ out }) => out)).toEqual([1, 1, 1])
    expect(internalsOf(lifeguard)?.ledger.recorder).toBeUndefined()
  })

  it('starts once, whoever asks', () => {
    const lifeguard = createLifeguard({ reporters: [], clock: manualClock() })
    const timeline = internalsOf(lifeguard)?.timeline
    expect(timeline?.recorder).toBeUndefined()
    expect(timeline?.start()).toBe(timeline?.start())
    expect(lifeguard.timeline().pools).toEqual([])
  })

  it('refuses limits that are none', () => {
    expect(() => createLifeguard({ timeline: { keepMillis: 0 } })).toThrow(/timeline\.keepMillis/)
    expect(() => createLifeguard({ timeline: { keepCheckouts: 0 } })).toThrow(/timeline\.keepCheckouts/)
  })
})
