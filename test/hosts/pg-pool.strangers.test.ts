import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { abandonAfterTest, failureOf, guard, modes } from './bare-twin.ts'

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

describe('a session that was in use before the guard was on', () => {
  it('has its transaction counted from when the guard first saw it', async () => {
    const pool = openPool()
    const before = await pool.connect()
    await before.query('BEGIN')
    before.release()
    const { lifeguard, clock, kinds } = guard(pool)
    clock.advance(59_000)
    const client = await pool.connect()
    clock.advance(2_000)
    expect(lifeguard.snapshot().checkouts).toMatchObject([{ transaction: 'open', transactionMillis: 2_000 }])
    expect(kinds()).not.toContain('long-transaction')
    clock.advance(58_500)
    expect(kinds()).toContain('long-transaction')
    await client.query('ROLLBACK')
    client.release()
  })

  it('answers statements of a former owner, whose lost COMMIT is not blamed on the present one', async () => {
    const pool = openPool()
    const before = await pool.connect()
    await before.query('BEGIN')
    await failureOf(() => before.query('SELECT nonsense'))
    const floating = before.query('COMMIT')
    before.release()
    const { kinds } = guard(pool)
    const client = await pool.connect()
    expect((await floating).command).toBe('ROLLBACK')
    await client.query('SELECT 1')
    client.release()
    expect(kinds()).toEqual([])
  })

  it('may have a transaction opened by a former owner, for which nobody is blamed', async () => {
    const pool = openPool()
    const before = await pool.connect()
    const floating = before.query('BEGIN')
    before.release()
    const { kinds } = guard(pool)
    const answer = pool.query('SELECT 1 AS one')
    await floating
    expect((await answer).rows).toEqual([{ one: 1 }])
    const client = await pool.connect()
    await client.query('ROLLBACK')
    client.release()
    expect(kinds()).toEqual([])
  })
})

it('blames a lost COMMIT on its own owner, though the server was still busy with the failure before', async () => {
  await using proxy = await startProxy(db.config.port, db.config.host)
  proxy.splitPackets()
  const pool = abandonAfterTest(new pg.Pool({ ...db.config, host: '127.0.0.1', port: proxy.port, max: 1 }))
  const { findings } = guard(pool)
  const former = await pool.connect()
  await former.query('BEGIN')
  await failureOf(() => former.query('SELECT nonsense'))
  const floating = former.query('COMMIT')
  former.release()
  const client = await pool.connect()
  expect((await floating).command).toBe('ROLLBACK')
  await client.query('SELECT 1')
  client.release()
  expect(findings.map(({ kind, checkout }) => [kind, checkout.id])).toEqual([
    ['busy-release', 1],
    ['lost-commit', 1],
  ])
})
