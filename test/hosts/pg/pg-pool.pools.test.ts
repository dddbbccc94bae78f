import pg from 'pg'
import PgPool from 'pg-pool'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard, type Finding, manualClock, PoolExhaustedError } from '../../../src/index.ts'
import { abandonAfterTest, expectSameAsBare, failureOf, guard, modes } from '../../support/bare-twin.ts'
import { useDatabase } from '../../support/database.ts'
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

describe('a subclass of Pool', () => {
  it('has its own connect, query and end called as often and with the same arguments', async () => {
    const calls: string[] = []
    const note = (method: string, args: unknown[]) =>
      calls.push(`${method}(${args.map((argument) => typeof argument)})`)
    class NotingPool extends pg.Pool {
      override connect(...args: unknown[]): never {
        note('connect', args)
        return Reflect.apply(super.connect, this, args) as never
      }
      override query(...args: unknown[]): never {
        note('query', args)
        return Reflect.apply(super.query, this, args) as never
      }
      override end(...args: unknown[]): never {
        note('end', args)
        return Reflect.apply(super.end, this, args) as never
      }
    }
    expectNoFindings(
      await expectSameAsBare(
        () => new NotingPool({ ...db.config, max: 1 }),
        async (pool) => {
          calls.length = 0
          const client = await pool.connect()
          const rows = (await client.query('SELECT 1 AS one')).rows
          client.release()
          await pool.query('SELECT $1::int', [1])
          await new Promise<void>((resolve) => pool.query('SELECT 2', () => resolve()))
          await new Promise<void>((resolve) =>
            pool.connect((_error, _client, done) => {
              done()
              resolve()
            }),
          )
          await pool.end()
          return { rows, calls: [...calls] }
        },
      ),
    )
  })

  it('may wait before it hands a statement on', async () => {
    class PatientPool extends pg.Pool {
      override query(...args: unknown[]): never {
        return Promise.resolve().then(() => Reflect.apply(super.query, this, args)) as never
      }
    }
    expectNoFindings(
      await expectSameAsBare(
        () => new PatientPool({ ...db.config, max: 1 }) as pg.Pool,
        async (pool) => {
          const results = await Promise.all([1, 2, 3].map((n) => pool.query('SELECT $1::int AS n', [n])))
          return { rows: results.map(({ rows }) => rows), idle: pool.idleCount }
        },
      ),
    )
  })

  it('may check clients out itself to run a statement, and is told when it keeps one', async () => {
    class OwnPool extends pg.Pool {
      override query(...args: unknown[]): never {
        return this.connect().then((client) => Reflect.apply(client.query, client, args)) as never
      }
    }
    const pool = abandonAfterTest(new OwnPool({ ...db.config, max: 2 }))
    const guarded = guard(pool)
    const answer: Promise<pg.QueryResult> = pool.query('SELECT 1 AS one')
    expect((await answer).rows).toEqual([{ one: 1 }])
    guarded.clock.advance(31_000)
    expect(guarded.findings).toMatchObject([{ kind: 'long-hold', origin: { file: import.meta.filename } }])
  })
})

it('guards the pool of pg-pool without pg around it', async () => {
  expectNoFindings(
    await expectSameAsBare(
      () => new PgPool({ ...db.config, max: 1 }) as pg.Pool,
      async (pool) => {
        const client = await pool.connect()
        const { rows } = await client.query('SELECT 1 AS one')
        client.release()
        return { rows, next: (await pool.query('SELECT 2 AS two')).rows, idle: pool.idleCount }
      },
    ),
  )
})

it('keeps the pools of one lifeguard apart', async () => {
  const [orders, reports, third] = [1, 2, 3].map(() =>
    abandonAfterTest(new pg.Pool({ ...db.config, max: 1 })),
  ) as [pg.Pool, pg.Pool, pg.Pool]
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [] })
  onTestFinished(() => lifeguard.close())
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  lifeguard.watch(orders, { name: 'orders' })
  lifeguard.watch(reports, { name: 'reports' })
  lifeguard.watch(third)

  await orders.connect()
  const client = await reports.connect()
  await client.query('BEGIN')
  clock.advance(15_000)
  client.release()
  await third.connect()
  clock.advance(20_000)
  expect(findings.map(({ kind, pool }) => `${kind} in ${pool}`)).toEqual([
    'idle-transaction in reports',
    'dirty-release in reports',
    'long-hold in orders',
  ])
  expect(lifeguard.snapshot().pools).toMatchObject([
    { name: 'orders', out: 1 },
    { name: 'reports', out: 0 },
    { name: 'pool-3', out: 1 },
  ])
})

describe('connectionTimeoutMillis', () => {
  // It bounds the connection itself, too, which must not fail on a busy machine.
  const options = () => ({ ...db.config, max: 1, connectionTimeoutMillis: 300 })

  it.each(modes)(
    'ends a wait with the error of the bare pool, and says who holds, in mode %s',
    async (mode) => {
      async function timedOut(pool: pg.Pool) {
        const held = await pool.connect()
        await held.query('BEGIN')
        const callerOfConnect = async () => void (await pool.connect())
        const callerOfQuery = async () => void (await pool.query('SELECT 1'))
        const callback = new Promise<Error>((resolve) => pool.connect((error) => resolve(error as Error)))
        const [byPromise, byQuery, byCallback] = await Promise.all([
          failureOf(callerOfConnect),
          failureOf(callerOfQuery),
          callback,
        ])
        await held.query('ROLLBACK')
        held.release()
        return { byPromise, byQuery, byCallback }
      }
      const shown = ({ byPromise, byQuery, byCallback }: Awaited<ReturnType<typeof timedOut>>) => ({
        errors: [byPromise, byQuery, byCallback].map((error) => [
          error.constructor,
          error.message,
          Object.keys(error),
          String(error),
        ]),
        leadsToCaller: [
          byPromise.stack?.includes('callerOfConnect'),
          byQuery.stack?.includes('callerOfQuery'),
        ],
      })

      const bare = await timedOut(abandonAfterTest(new pg.Pool(options())))
      const pool = abandonAfterTest(new pg.Pool(options()))
      const { findings } = guard(pool, { mode, limits: { acquireWaitMillis: false } }, 'main')
      const guarded = await timedOut(pool)
      expect(shown(guarded)).toStrictEqual(shown(bare))
      expect(shown(bare).leadsToCaller).toEqual([true, true])

      for (const error of Object.values(guarded)) {
        expect(error).toMatchObject({
          holders: [{ via: 'connect', transaction: 'open', origin: { file: import.meta.filename } }],
        })
        expect(error.cause).toBeInstanceOf(PoolExhaustedError)
        expect(message(error.cause)).toContain('pool main: the only client is taken')
        expect(message(error.cause)).toContain('pg-pool.pools.test.ts')
      }
      // All of them have waited for the same reason.
      expect(findings.map(({ kind }) => kind)).toEqual(['pool-exhausted'])
    },
  )

  it('ends a connection that is not made in time with the error of the bare pool', async () => {
    proxy.freeze()
    onTestFinished(() => proxy.thaw())
    const { observe, enforce } = await expectSameAsBare(
      () => new pg.Pool({ connectionString: proxy.url(db.url), max: 1, connectionTimeoutMillis: 40 }),
      async (pool) => {
        const error = await failureOf(() => pool.connect())
        return [error.constructor, error.message, message(error.cause), Object.keys(error), pool.totalCount]
      },
    )
    expect([...observe.kinds(), ...enforce.kinds()]).toEqual([])
  })
})

describe('a Promise class of the application', () => {
  class OwnPromise<T> extends Promise<T> {}

  it('is what connect, query and end return', async () => {
    expectNoFindings(
      await expectSameAsBare(
        () => new pg.Pool({ ...db.config, max: 1, Promise: OwnPromise }),
        async (pool) => {
          const connecting = pool.connect()
          const client = await connecting
          const sent = client.query('SELECT 1')
          await sent
          client.release()
          const querying = pool.query('SELECT 1')
          await querying
          const ending = pool.end()
          await ending
          const late = pool.connect()
          await failureOf(() => late)
          return [connecting, sent, querying, ending, late].map((promise) => promise.constructor.name)
        },
      ).then((compared) => {
        expect(compared.bare).toEqual(Array(5).fill('OwnPromise'))
        return compared
      }),
    )
  })
})

describe('a pool that is only shaped like one', () => {
  const query = async () => ({ rows: [] })

  it('may throw from connect instead of rejecting, and nobody is left waiting', () => {
    const failure = new Error('no more')
    const pool = {
      options: { max: 1 },
      totalCount: 1,
      idleCount: 0,
      waitingCount: 0,
      connect: (): Promise<never> => {
        throw failure
      },
      query,
    }
    const { lifeguard, clock, findings } = guard(pool as never)
    expect(() => pool.connect()).toThrow(failure)
    expect(lifeguard.snapshot().checkouts).toEqual([])
    clock.advance(100_000)
    expect(findings).toEqual([])
  })

  it('may give its client at once', () => {
    const client = { query, release: () => {} }
    const pool = { connect: () => client, query }
    const { lifeguard, clock, kinds } = guard(pool as never)
    expect(pool.connect()).toBe(client)
    expect(lifeguard.snapshot().checkouts).toHaveLength(1)
    clock.advance(31_000)
    expect(kinds()).toEqual(['long-hold'])
    client.release()
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })
})
