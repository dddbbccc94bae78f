import { once } from 'node:events'
import type pg from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { abandonAfterTest, extremes, type Guard, guard } from '../../support/bare-twin.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()
const anHour = 3_600_000

describe.each(extremes)('pg $version in mode $mode', ({ driver, mode }) => {
  let pool: pg.Pool
  let guarded: Guard

  beforeEach(() => {
    pool = abandonAfterTest(new driver.Pool({ ...db.config, max: 2 }))
    guarded = guard(pool, { mode })
  })

  it('leaves a LISTEN connection alone for a day once it is exempted', async () => {
    const client = await pool.connect()
    guarded.lifeguard.exempt(client, 'LISTEN connection')
    await client.query('LISTEN events')
    for (const payload of ['first', 'second']) {
      guarded.clock.advance(12 * anHour)
      const heard = once(client, 'notification')
      await pool.query(`NOTIFY events, '${payload}'`)
      expect(await heard).toMatchObject([{ channel: 'events', payload }])
    }
    expect(guarded.lifeguard.snapshot().checkouts).toMatchObject([{ exemption: 'LISTEN connection' }])
    await client.query('UNLISTEN events')
    client.release()
    expect(guarded.kinds()).toEqual([])
  })

  it('spares a LISTEN connection by itself', async () => {
    const client = await pool.connect()
    await client.query('LISTEN events')
    guarded.clock.advance(anHour)
    expect(guarded.kinds()).toEqual([])
    client.release(true)
  })

  it('reports a client that is not exempted, until it is', async () => {
    const client = await pool.connect()
    await client.query('SELECT pg_advisory_lock(7)')
    guarded.clock.advance(31_000)
    expect(guarded.findings).toMatchObject([{ kind: 'long-hold', remedy: 'report' }])
    guarded.lifeguard.exempt(client, 'leader election')
    expect(guarded.resolved).toMatchObject([
      { kind: 'long-hold', resolution: expect.stringContaining('leader election') },
    ])
    guarded.clock.advance(anHour)
    expect(guarded.kinds()).toEqual(['long-hold'])
    client.release(true)
  })

  it('exempts one checkout and not the next of the same client', async () => {
    const client = await pool.connect()
    guarded.lifeguard.exempt(client, 'held by design')
    guarded.clock.advance(anHour)
    client.release()
    const again = await pool.connect()
    expect(again).toBe(client)
    guarded.clock.advance(31_000)
    expect(guarded.kinds()).toEqual(['long-hold'])
    again.release()
  })

  it('still tells how an exempted client was released', async () => {
    const client = await pool.connect()
    guarded.lifeguard.exempt(client, 'held by design')
    await client.query('BEGIN')
    guarded.clock.advance(anHour)
    expect(guarded.kinds()).toEqual([])
    client.release()
    await pool.query('SELECT 1')
    expect(guarded.kinds()).toEqual(['dirty-release'])
  })

  it('passes over a client that is in the pool, or of no pool', async () => {
    const client = await pool.connect()
    client.release()
    guarded.lifeguard.exempt(client, 'not held at all')
    guarded.lifeguard.exempt(new driver.Client(), 'of no pool')
    const again = await pool.connect()
    expect(guarded.lifeguard.snapshot().checkouts[0]).not.toHaveProperty('exemption')
    again.release()
  })
})
