import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { UncleanReleases } from '../../src/client/unclean-releases.ts'
import { pretendedPool } from '../core/pretended-pool.ts'
import { abandonAfterTest, failureOf, guard } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'
import { startProxy } from '../support/tcp-proxy.ts'

const db = useDatabase()
const openPool = () => abandonAfterTest(new pg.Pool({ ...db.config, max: 1 }))

describe('a session that was in use before the guard was on', () => {
  it('has its transaction counted from when the guard first saw it, and charged to no later owner', async () => {
    const pool = openPool()
    const before = await pool.connect()
    await before.query('BEGIN')
    before.release()
    const { lifeguard, clock, kinds } = guard(pool)
    clock.advance(59_000)
    const client = await pool.connect()
    clock.advance(2_000)
    expect(lifeguard.snapshot().checkouts).toMatchObject([{ transaction: 'open', transactionMillis: 2_000 }])
    clock.advance(58_500)
    expect(kinds()).toEqual(['long-hold'])
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

it('keeps the last fifty of those that released a session before it was clean', () => {
  const { checkOut } = pretendedPool()
  const releases = new UncleanReleases(0)
  const checkouts = Array.from({ length: 60 }, () => checkOut())
  const forgotten = checkouts.flatMap((checkout) => releases.add(checkout, 0))
  expect(forgotten.map(({ checkout }) => checkout)).toEqual(checkouts.slice(0, 10))
  expect(releases.takeAll().map(({ checkout }) => checkout)).toEqual(checkouts.slice(10))
})
