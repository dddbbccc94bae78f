import pg from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  abandonAfterTest,
  expectSameAsBare,
  failureOf,
  type Guard,
  guard,
  modes,
} from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

const db = useDatabase()
const open = () => new pg.Pool({ ...db.config, max: 1, pipeline: true })

const settled = async (promises: Promise<pg.QueryResult>[]) =>
  (await Promise.allSettled(promises)).map((outcome) =>
    outcome.status === 'fulfilled' ? outcome.value.rows : (outcome.reason as Error).message,
  )

it('answers pipelined statements as the bare client, failures among them', async () => {
  const { observe, enforce } = await expectSameAsBare(open, async (pool) => {
    const client = await pool.connect()
    const outcomes = await settled([
      client.query('SELECT 1 AS n'),
      client.query('SELECT nonsense'),
      client.query('SELECT $1::int AS n', [3]),
      client.query({ name: 'four', text: 'SELECT 4 AS n' }),
      client.query({ name: 'four', text: 'SELECT 4 AS n' }),
    ])
    client.release()
    return { outcomes, next: (await pool.query('SELECT 5 AS n')).rows, idle: pool.idleCount }
  })
  expect([...observe.kinds(), ...enforce.kinds()]).toEqual([])
})

it('answers statements of pool.query as the bare pool', async () => {
  const { observe, enforce } = await expectSameAsBare(open, async (pool) =>
    settled([pool.query('SELECT 1 AS n'), pool.query('SELECT nonsense'), pool.query('SELECT 2 AS n')]),
  )
  expect([...observe.kinds(), ...enforce.kinds()]).toEqual([])
})

it('refuses a cursor as the bare client does, without a finding', async () => {
  const { observe, enforce } = await expectSameAsBare(open, async (pool) => {
    const client = await pool.connect()
    // A submittable of the application's own, which the driver refuses in this mode.
    const refused = await new Promise<Error>((resolve) => {
      client.query({ submit: () => null, handleError: resolve } as unknown as pg.Submittable)
    })
    client.release()
    return [refused.message, pool.idleCount]
  })
  expect([...observe.kinds(), ...enforce.kinds()]).toEqual([])
})

describe.each(modes)('in mode %s', (mode) => {
  let pool: pg.Pool
  let guarded: Guard

  beforeEach(() => {
    pool = abandonAfterTest(open())
    guarded = guard(pool, { mode })
  })

  const checkoutSeen = () => guarded.lifeguard.snapshot().checkouts[0]

  it('takes a pipelined transaction for no leak', async () => {
    const client = await pool.connect()
    await Promise.all([
      client.query('BEGIN'),
      client.query("INSERT INTO items (note) VALUES ('pipelined')"),
      client.query('COMMIT'),
    ])
    expect(checkoutSeen()).toMatchObject({ transaction: 'idle', queryCount: 3 })
    client.release()
    expect(guarded.kinds()).toEqual([])
  })

  it('follows the transaction statement by statement', async () => {
    const client = await pool.connect()
    const seen = await Promise.all(
      ['SELECT 1', 'BEGIN', 'SELECT 2', 'COMMIT', 'SELECT 3'].map((text) =>
        client.query(text).then(() => checkoutSeen()?.transaction),
      ),
    )
    // Each answer is delivered after its own status: what is seen is the state at that statement, or a later one.
    expect(seen.at(-1)).toBe('idle')
    await Promise.all([client.query('BEGIN'), client.query('SELECT 4')])
    expect(checkoutSeen()).toMatchObject({ transaction: 'open' })
    await settled([client.query('SELECT nonsense'), client.query('SELECT 5')])
    expect(checkoutSeen()).toMatchObject({ transaction: 'failed' })
    await client.query('ROLLBACK')
    expect(checkoutSeen()).toMatchObject({ transaction: 'idle' })
    client.release()
    expect(guarded.kinds()).toEqual([])
  })

  it('names the line of the BEGIN that opened the transaction, not of one sent after it', async () => {
    const client = await pool.connect()
    const begin = () => client.query('BEGIN')
    const beginAgain = () => client.query('BEGIN')
    const answers = settled([
      begin(),
      client.query('SELECT pg_sleep(0.1)'),
      client.query('COMMIT'),
      beginAgain(),
    ])
    await eventually(() => expect(checkoutSeen()?.transaction).toBe('open'))
    expect(checkoutSeen()?.transactionOrigin).toMatchObject({ functionName: 'begin' })
    await answers
    expect(checkoutSeen()?.transactionOrigin).toMatchObject({ functionName: 'beginAgain' })
    await client.query('COMMIT')
    client.release()
    expect(guarded.kinds()).toEqual([])
  })

  it('tells an idle transaction', async () => {
    const client = await pool.connect()
    await Promise.all([client.query('BEGIN'), client.query('SELECT 1')])
    guarded.clock.advance(10_010)
    await eventually(() => expect(guarded.kinds()).toEqual(['idle-transaction']))
    if (mode === 'enforce') {
      const refused = await settled([
        client.query("INSERT INTO items (note) VALUES ('late')"),
        client.query('COMMIT'),
      ])
      expect(refused).toEqual([
        expect.stringContaining('rolled back by pg-lifeguard'),
        expect.stringContaining('rolled back by pg-lifeguard'),
      ])
    }
    await client.query('ROLLBACK')
    client.release()
    expect((await db.query("SELECT * FROM items WHERE note = 'late'")).rows).toEqual([])
  })

  it('is no idle transaction while a statement runs', async () => {
    const client = await pool.connect()
    const running = Promise.all([client.query('BEGIN'), client.query('SELECT pg_sleep(0.1)')])
    await eventually(() => expect(checkoutSeen()?.transaction).toBe('open'))
    guarded.clock.advance(25_000)
    await running
    await client.query('COMMIT')
    client.release()
    expect(guarded.kinds()).toEqual([])
  })

  it('tells a release with statements on their way', async () => {
    const client = await pool.connect()
    const outcomes = settled([client.query('SELECT pg_sleep(0.05)'), client.query('SELECT 1')])
    client.release()
    await outcomes
    await eventually(() => expect(guarded.kinds()).toEqual(['busy-release']))
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  it('tells a release inside a failed transaction, and nothing after ROLLBACK', async () => {
    const client = await pool.connect()
    await settled([client.query('BEGIN'), client.query('SELECT nonsense'), client.query('ROLLBACK')])
    client.release()
    expect(guarded.kinds()).toEqual([])

    const again = await pool.connect()
    await settled([again.query('BEGIN'), again.query('SELECT nonsense')])
    again.release()
    await eventually(() => expect(guarded.kinds()).toEqual(['dirty-release']))
    if (mode === 'enforce') expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  it('tells a COMMIT that was answered by ROLLBACK', async () => {
    const client = await pool.connect()
    await settled([client.query('BEGIN'), client.query('SELECT nonsense'), client.query('COMMIT')])
    await client.query('SELECT 1')
    client.release()
    expect(guarded.kinds()).toEqual(['lost-commit'])
  })
})

it('ends a session that is destroyed in the middle of its pipeline', async () => {
  const pool = abandonAfterTest(open())
  const { clock, findings } = guard(pool, { mode: 'enforce', remedies: { 'long-hold': 'destroy' } })
  const client = await pool.connect()
  const running = failureOf(() => client.query('SELECT pg_sleep(30)'))
  // It is on its way to the server, which may answer it after the cancelled one.
  client.query('SELECT 1').catch(() => {})
  await eventually(async () =>
    expect((await db.sessions()).filter(({ query }) => query.includes('pg_sleep'))).toMatchObject([
      { state: 'active' },
    ]),
  )
  // No further than the limit: the remedy is given its time by the same clock.
  clock.advance(30_010)
  const waiting = pool.query('SELECT 2 AS two')
  expect(await running).toMatchObject({ code: 'LIFEGUARD_SESSION_DESTROYED' })
  expect((await waiting).rows).toEqual([{ two: 2 }])
  expect(findings).toMatchObject([{ kind: 'long-hold', outcome: 'destroyed' }])
  expect(await failureOf(() => client.query('SELECT 3'))).toMatchObject({
    code: 'LIFEGUARD_SESSION_DESTROYED',
  })
  client.release()
  await eventually(async () =>
    expect((await db.sessions()).filter(({ query }) => query.includes('pg_sleep'))).toEqual([]),
  )
})
