import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectSameAsBare, failureOf, recordEvents } from '../../support/bare-twin.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.ts'

const db = useDatabase()
let proxy: TcpProxy
beforeAll(async () => {
  proxy = await startProxy(db.config.port, db.config.host)
})
afterAll(() => proxy.close())

const expectNoFindings = ({ observe, enforce }: Awaited<ReturnType<typeof expectSameAsBare>>) =>
  expect([...observe.kinds(), ...enforce.kinds()]).toEqual([])

const message = (error: unknown) => (error instanceof Error ? error.message : error)

describe('the events of a pool come in the same order and number', () => {
  const cases: [string, pg.PoolConfig, (pool: pg.Pool) => Promise<unknown>][] = [
    [
      'for checkouts, statements and waiters',
      { max: 2 },
      async (pool) => {
        const first = await pool.connect()
        const second = await pool.connect()
        const waiting = [pool.connect(), pool.query('SELECT 1'), pool.connect()]
        first.release()
        second.release(new Error('unwanted'))
        const [third, , fourth] = await Promise.all(waiting)
        ;(third as pg.PoolClient).release()
        ;(fourth as pg.PoolClient).release(true)
        await pool.query('SELECT 2')
      },
    ],
    [
      'for statements that fail',
      { max: 1 },
      async (pool) => {
        await failureOf(() => pool.query('SELECT nonsense'))
        await pool.query('SELECT 1')
        await failureOf(() => pool.query('SELECT 1/0'))
      },
    ],
    [
      'with maxUses',
      { max: 1, maxUses: 2 },
      async (pool) => {
        for (let use = 0; use < 5; use++) (await pool.connect()).release()
        await pool.query('SELECT 1')
      },
    ],
    [
      'with maxLifetimeSeconds, idle and checked out',
      { max: 2, maxLifetimeSeconds: 0.5 },
      async (pool) => {
        const client = await pool.connect()
        await pool.query('SELECT 1')
        await eventually(() => expect(pool.totalCount).toBe(1))
        await eventually(() => expect(pool.expiredCount).toBe(1))
        client.release()
        await eventually(() => expect(pool.totalCount).toBe(0))
      },
    ],
    [
      'with min and idleTimeoutMillis',
      { max: 3, min: 1, idleTimeoutMillis: 20 },
      async (pool) => {
        const clients = [await pool.connect(), await pool.connect(), await pool.connect()]
        for (const client of clients) client.release()
        await eventually(() => expect(pool.totalCount).toBe(1))
      },
    ],
    [
      'with onConnect',
      { max: 2, onConnect: (client) => client.query("SET application_name = 'ours'").then(() => {}) },
      async (pool) => {
        const { rows } = await pool.query("SELECT current_setting('application_name') AS name")
        const client = await pool.connect()
        client.release()
        return rows
      },
    ],
    [
      'with onConnect that fails',
      { max: 2, onConnect: () => Promise.reject(new Error('not today')) },
      async (pool) => [
        message(await failureOf(() => pool.connect())),
        message(await failureOf(() => pool.query('SELECT 1'))),
        pool.totalCount,
      ],
    ],
    [
      'with verify, that refuses every other client',
      { max: 2, verify: refuseEveryOther() } as pg.PoolConfig,
      async (pool) => {
        const refused = await failureOf(() => pool.connect())
        const client = await pool.connect()
        client.release()
        return [message(refused), pool.totalCount]
      },
    ],
    [
      'for an end during checkouts',
      { max: 2 },
      async (pool) => {
        const held = await pool.connect()
        const other = await pool.connect()
        const order: string[] = []
        const ended = pool.end().then(() => order.push('ended'))
        other.release()
        order.push('released one')
        const refused = message(await failureOf(() => pool.connect()))
        const refusedQuery = message(await failureOf(() => pool.query('SELECT 1')))
        const refusedCallback = await new Promise((resolve) =>
          pool.connect((error) => resolve(message(error))),
        )
        const again = message(await failureOf(() => pool.end()))
        held.release()
        order.push('released all')
        await ended
        return { order, refused, refusedQuery, refusedCallback, again }
      },
    ],
  ]

  it.each(cases)('%s', async (_, options, scenario) => {
    expectNoFindings(
      await expectSameAsBare(
        () => new pg.Pool({ ...db.config, ...options }),
        async (pool) => {
          const events = recordEvents(pool)
          const result = await scenario(pool)
          if (!pool.ending) await pool.end()
          const named = (name: string) => events.filter((event) => event.startsWith(name))
          await eventually(() => expect(named('remove')).toHaveLength(named('connect').length))
          // When a connection is closed depends on the server.
          const removed = named('remove').sort()
          const inOrder = events.filter((event) => !removed.includes(event))
          return { result, inOrder, removed, counts: [pool.totalCount, pool.idleCount, pool.waitingCount] }
        },
      ),
    )
  })
})

function refuseEveryOther(): (client: pg.PoolClient, done: (error?: Error) => void) => void {
  let seen = 0
  return (client, done) => {
    seen += 1
    const refuse = seen % 2 === 1
    client.query('SELECT 1', () => done(refuse ? new Error('refused by verify') : undefined))
  }
}
