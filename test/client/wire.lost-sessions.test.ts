import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  abandonAfterTest,
  drivers,
  expectSameAsBare,
  extremes,
  failureOf,
  type Guard,
  guard,
  recordEvents,
} from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'
import { startServer } from '../support/embedded-server.ts'
import { eventually } from '../support/eventually.ts'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts'

const db = useDatabase()
let proxy: TcpProxy
beforeAll(async () => {
  proxy = await startProxy(db.config.port, db.config.host)
})
afterAll(() => proxy.close())

const pidOf = (client: pg.ClientBase) => (client as unknown as { processID: number }).processID

/** The driver has noticed that the connection is gone. */
async function noticed(client: pg.PoolClient): Promise<void> {
  await eventually(() => expect(client).toMatchObject({ _queryable: false, _ended: true }))
}

describe.each(extremes)('pg $version in mode $mode', ({ driver, mode }) => {
  let pool: pg.Pool
  let guarded: Guard

  beforeEach(() => {
    pool = abandonAfterTest(new driver.Pool({ ...db.config, max: 1 }))
    guarded = guard(pool, { mode })
  })

  async function expectPoolWhole(): Promise<void> {
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(pool).toMatchObject({ totalCount: 1, idleCount: 1, waitingCount: 0 })
    expect(guarded.lifeguard.snapshot().checkouts).toEqual([])
  }

  it.each([
    ['between statements', [], 'idle'],
    ['in a transaction', ['BEGIN'], 'open'],
    ['in a failed transaction', ['BEGIN', 'SELECT nonsense'], 'failed'],
  ])('survives and tells a session ended %s', async (_, statements, transaction) => {
    const client = await pool.connect()
    for (const statement of statements) await client.query(statement).catch(() => {})
    const pid = pidOf(client)
    await db.terminate(pid)
    await noticed(client)
    expect(guarded.findings).toMatchObject([
      {
        kind: 'session-killed',
        certainty: 'certain',
        remedy: 'report',
        hint: expect.stringContaining('57P01'),
        checkout: { pid, transaction },
        origin: { file: import.meta.filename },
      },
    ])
    expect(await failureOf(() => client.query('SELECT 1'))).toMatchObject({
      message: 'Client has encountered a connection error and is not queryable',
    })
    client.release()
    expect(guarded.resolved).toMatchObject([{ kind: 'session-killed' }])
    await expectPoolWhole()
    expect(guarded.kinds()).toEqual(['session-killed'])
  })

  it('survives and tells a session ended during a statement, which fails with the reason', async () => {
    const client = await pool.connect()
    await client.query('BEGIN')
    const failure = failureOf(() => client.query('SELECT pg_sleep(30)'))
    await eventually(async () => {
      const [session] = (await db.sessions()).filter(({ pid }) => pid === pidOf(client))
      expect(session).toMatchObject({ state: 'active' })
    })
    await db.terminate(pidOf(client))
    expect(await failure).toMatchObject({ code: '57P01' })
    await noticed(client)
    client.release()
    await expectPoolWhole()
    expect(guarded.kinds()).toEqual(['session-killed'])
  })

  it.each([
    ['closed', () => proxy.cut(), 'Connection terminated unexpectedly'],
    ['reset', () => proxy.reset(), 'read ECONNRESET'],
  ])('survives and tells a connection that is %s by the network', async (_, cut, message) => {
    pool = abandonAfterTest(new driver.Pool({ connectionString: proxy.url(db.url), max: 1 }))
    guarded = guard(pool, { mode })
    const client = await pool.connect()
    await client.query('BEGIN')
    cut()
    await noticed(client)
    expect(guarded.findings).toMatchObject([
      { kind: 'session-killed', hint: expect.stringContaining(message) },
    ])
    client.release()
    await expectPoolWhole()
  })

  it('survives a session ended by idle_in_transaction_session_timeout and says so', async () => {
    pool = abandonAfterTest(
      new driver.Pool({ ...db.config, max: 1, idle_in_transaction_session_timeout: 20 }),
    )
    guarded = guard(pool, { mode })
    const client = await pool.connect()
    await client.query('BEGIN')
    await noticed(client)
    expect(guarded.findings).toMatchObject([
      { kind: 'session-killed', hint: expect.stringContaining('25P03') },
    ])
    client.release()
    await expectPoolWhole()
  })

  it("calls the application's own error listener on the client as often as bare", async () => {
    const heardBy = async (ownPool: pg.Pool) => {
      const client = await ownPool.connect()
      const heard: string[] = []
      const listener = (error: Error) => heard.push(error.message)
      client.on('error', listener)
      await db.terminate(pidOf(client))
      await noticed(client)
      client.removeListener('error', listener)
      client.release()
      return heard
    }
    const bare = await heardBy(abandonAfterTest(new driver.Pool({ ...db.config, max: 1 })))
    expect(bare[0]).toMatch(/terminating connection due to administrator command/)
    expect(await heardBy(pool)).toEqual(bare)
    expect(guarded.kinds()).toEqual(['session-killed'])
  })

  it('lets a session be ended with release(error) after it was lost', async () => {
    const client = await pool.connect()
    await db.terminate(pidOf(client))
    await noticed(client)
    client.release(new Error('lost'))
    await expectPoolWhole()
    expect(guarded.resolved).toMatchObject([{ kind: 'session-killed' }])
  })

  it('takes client.end() during a checkout for no kill', async () => {
    const client = await pool.connect()
    await client.end()
    expect(guarded.kinds()).toEqual([])
    client.release()
    await expectPoolWhole()
    expect(guarded.kinds()).toEqual([])
  })
})

describe.each(drivers)('pg $version', ({ driver }) => {
  const open = () => new driver.Pool({ ...db.config, max: 2 })

  it("lets the pool's error event tell of idle sessions that end, as bare", async () => {
    const { bare, observe, enforce } = await expectSameAsBare(open, async (pool) => {
      const events = recordEvents(pool)
      const client = await pool.connect()
      client.release()
      await db.terminate(pidOf(client))
      await noticed(client)
      await eventually(() => expect(events.filter((event) => event.startsWith('remove'))).toHaveLength(1))
      return { events, counts: [pool.totalCount, pool.idleCount], rows: (await pool.query('SELECT 1')).rows }
    })
    expect(bare.events.filter((event) => event.startsWith('error'))).toHaveLength(1)
    expect([...observe.kinds(), ...enforce.kinds()]).toEqual([])
  })

  it('rejects a statement of pool.query whose session is ended, as bare', async () => {
    const { observe, enforce } = await expectSameAsBare(open, async (pool) => {
      const events = recordEvents(pool)
      const failure = failureOf(() => pool.query('SELECT pg_sleep(30)'))
      await eventually(async () => {
        const [session] = (await db.sessions()).filter(({ query }) => query.includes('pg_sleep'))
        expect(session).toMatchObject({ state: 'active' })
        await db.terminate(session?.pid ?? 0)
      })
      const { message, code } = await failure
      await eventually(() => expect(events.filter((event) => event.startsWith('remove'))).toHaveLength(1))
      return { message, code, events, total: pool.totalCount }
    })
    expect([...observe.kinds(), ...enforce.kinds()]).toEqual([])
  })
})

it('survives a crash of the server: every checkout is told, every idle client leaves by the error event', async () => {
  await using server = await startServer()
  const pool = abandonAfterTest(new pg.Pool({ connectionString: server.url, max: 4 }))
  const { findings, lifeguard } = guard(pool, { mode: 'enforce' })
  const errors: string[] = []
  pool.on('error', ({ message }) => errors.push(message))

  const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect(), pool.connect()])
  const [unused, inTransaction, running, idle] = clients as [
    pg.PoolClient,
    pg.PoolClient,
    pg.PoolClient,
    pg.PoolClient,
  ]
  await inTransaction.query('BEGIN')
  idle.release()
  const failure = failureOf(() => running.query('SELECT pg_sleep(30)'))
  await server.kill()

  expect((await failure).message).toMatch(/terminat|ECONNRESET/)
  for (const client of clients) await noticed(client)
  expect(findings.map(({ kind }) => kind)).toEqual(Array(3).fill('session-killed'))
  expect(errors).toHaveLength(1)
  expect((await failureOf(() => pool.query('SELECT 1'))).message).toMatch(/ECONNREFUSED/)
  for (const client of [unused, inTransaction, running]) client.release()
  expect(pool).toMatchObject({ totalCount: 0, idleCount: 0 })
  expect(lifeguard.snapshot().checkouts).toEqual([])
})
