import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { abandonAfterTest, guard, modes } from '../../support/bare-twin.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()
const openPool = () => abandonAfterTest(new pg.Pool({ ...db.config, max: 1 }))

describe.each(modes)('in %s, a client that the guard knows but has not handed out', (mode) => {
  it('is left alone with a caller that has waited since before the guard was on', async () => {
    const pool = openPool()
    const holder = await pool.connect()
    const waiting = pool.connect()
    const { lifeguard, clock, kinds } = guard(pool, { mode })
    // While the pool closes a client it opens another one for whoever asks now, ahead of its queue.
    holder.release(true)
    const overtaker = await pool.connect()
    overtaker.release()
    const client = await waiting
    expect(client).toBe(overtaker)
    const { release } = client

    await client.query('BEGIN')
    expect(client.release).toBe(release)
    expect(lifeguard.snapshot().checkouts).toEqual([])
    clock.advance(10_500)
    await client.query("INSERT INTO items (note) VALUES ('slow but sure')")
    clock.advance(10_500)
    await client.query('COMMIT')
    release()
    expect(pool.idleCount).toBe(1)
    expect(kinds()).toEqual([])
    expect((await db.query("SELECT 1 FROM items WHERE note = 'slow but sure'")).rows).toHaveLength(1)
    await db.query('TRUNCATE items')

    const next = await pool.connect()
    expect(lifeguard.snapshot().checkouts).toHaveLength(1)
    next.release()
  })

  it('is that of nobody while it is back in its pool, whoever still sends statements', async () => {
    const pool = openPool()
    const { lifeguard, clock, kinds } = guard(pool, { mode, remedies: { 'use-after-release': 'report' } })
    await pool.query('SELECT 1')
    const client = await pool.connect()
    client.release()
    await client.query('BEGIN')
    expect(lifeguard.snapshot().checkouts).toEqual([])
    clock.advance(10_500)
    await client.query('SELECT 1')
    clock.advance(10_500)
    expect(kinds()).toEqual(['use-after-release'])

    const next = await pool.connect()
    expect(next).toBe(client)
    expect(lifeguard.snapshot().checkouts).toHaveLength(1)
    await next.query('ROLLBACK')
    next.release()
    expect(lifeguard.snapshot().checkouts).toEqual([])
    expect(kinds()).toEqual(['use-after-release'])
  })
})
