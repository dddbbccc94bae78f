import { once } from 'node:events'
import { createServer } from 'node:net'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Reporter } from '../../../src/index.ts'
import { abandonAfterTest, drivers, failureOf, guard, modes } from '../../support/bare-twin.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { hereLine } from '../../support/guarded-pool.ts'

const db = useDatabase()
const openPool = (max = 1, more: pg.PoolConfig = {}) =>
  abandonAfterTest(new pg.Pool({ ...db.config, max, ...more }))

/** As libraries do that take a pool's methods before the pool is watched. */
function captured(pool: pg.Pool) {
  return { connect: pool.connect.bind(pool), query: pool.query.bind(pool) }
}

describe.each(modes)('in %s, a client that went out by a connect taken before watch', (mode) => {
  it('is that of its first statement: line, scope and all', async () => {
    const pool = openPool()
    const { connect } = captured(pool)
    const { lifeguard, clock, findings } = guard(pool, { mode, limits: { idleTransactionMillis: 1_000 } })
    await lifeguard.runInScope({ kind: 'job', name: 'nightly' }, async () => {
      const client = await connect()
      const line = hereLine(1)
      await client.query('BEGIN')
      clock.advance(1_200)
      const place = { file: import.meta.filename, line }
      await eventually(() =>
        expect(findings).toMatchObject([
          { kind: 'idle-transaction', origin: place, scope: { name: 'nightly' } },
        ]),
      )
      await client.query('ROLLBACK')
      client.release()
    })
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })

  it('is no leak when it is released, by client.release or by done', async () => {
    const pool = openPool()
    const { connect } = captured(pool)
    const { lifeguard, clock, kinds } = guard(pool, { mode })
    const client = await connect()
    await client.query('SELECT 1')
    client.release()
    await new Promise<void>((resolve, reject) =>
      connect((error, given, done) => {
        if (error || given === undefined) return reject(error)
        given.query('SELECT 1').then(() => {
          expect(lifeguard.snapshot().checkouts).toHaveLength(1)
          done()
          resolve()
        }, reject)
      }),
    )
    expect(lifeguard.snapshot().checkouts).toEqual([])
    clock.advance(100_000)
    expect(kinds()).toEqual([])
  })

  it('is reported if its done leaves a transaction open', async () => {
    const pool = openPool()
    const { connect } = captured(pool)
    const { kinds } = guard(pool, { mode })
    await new Promise<void>((resolve) =>
      connect((_error, client, done) => {
        void client?.query('BEGIN').then(() => {
          done()
          resolve()
        })
      }),
    )
    await eventually(() => expect(kinds()).toEqual(['dirty-release']))
    if (mode === 'observe') return
    const next = await pool.connect()
    expect((await next.query('SELECT pg_current_xact_id_if_assigned() AS id')).rows).toEqual([{ id: null }])
    next.release()
  })

  it('is found without a line if it sends nothing, and the pool is named once', async () => {
    const messages: string[] = []
    const reporter: Reporter = { finding() {}, info: (message) => messages.push(message) }
    const pool = openPool(2)
    const { connect } = captured(pool)
    const { clock, findings } = guard(pool, { mode, reporters: [reporter] }, 'main')
    const clients = [await connect(), await connect()]
    clock.advance(32_000)
    expect(findings.map(({ kind }) => kind)).toEqual(['long-hold', 'long-hold'])
    expect(messages.filter((message) => message.includes('past lifeguard.watch'))).toHaveLength(1)
    for (const client of clients) client.release()
  })
})

describe.each(drivers)('pg $version', ({ driver }) => {
  it('takes pool.query for what it is, though it was taken before watch', async () => {
    const pool = abandonAfterTest(new driver.Pool({ ...db.config, max: 1 }))
    const { query } = captured(pool)
    const { lifeguard, kinds, clock } = guard(pool, { mode: 'enforce', limits: { holdMillis: 1_000 } })
    const running = query('SELECT pg_sleep(0.1), 1 AS one')
    await eventually(() => expect(pool.totalCount).toBe(1))
    clock.advance(2_000)
    expect(lifeguard.snapshot().checkouts).toEqual([])
    expect((await running).rows).toMatchObject([{ one: 1 }])
    expect(kinds()).toEqual([])
  })

  it('knows the line of one that leaves a transaction open', async () => {
    const pool = abandonAfterTest(new driver.Pool({ ...db.config, max: 1 }))
    const { query } = captured(pool)
    const { findings } = guard(pool)
    const begun = query('BEGIN')
    const line = hereLine(-1)
    await begun
    expect(findings).toMatchObject([
      {
        kind: 'dirty-release',
        checkout: { via: 'pool.query' },
        origin: { file: import.meta.filename, line },
      },
    ])
  })
})

describe('a client that the pool still works on', () => {
  it("is nobody's while the option verify sends statements", async () => {
    const pool = openPool(1, {
      verify: (client, done) => {
        client.query('SELECT 1').then(() => setTimeout(done, 20), done)
      },
    })
    const { lifeguard, clock, kinds } = guard(pool)
    const connecting = pool.connect()
    await eventually(() => expect(pool.totalCount).toBe(1))
    for (let sweeps = 0; sweeps < 10; sweeps += 1) {
      clock.advance(200)
      await new Promise((resolve) => setImmediate(resolve))
    }
    const client = await connecting
    expect(lifeguard.snapshot().checkouts).toMatchObject([{ queryCount: 0, origin: {} }])
    client.release()
    expect(kinds()).toEqual([])
  })

  it("is its caller's in the end if a class sends statements before it gives the client", async () => {
    class SettingPool extends pg.Pool {
      override connect(...args: unknown[]): never {
        if (args.length > 0) return Reflect.apply(super.connect, this, args) as never
        return super.connect().then(async (client) => {
          await client.query("SET TIME ZONE 'UTC'")
          return client
        }) as never
      }
    }
    const pool = abandonAfterTest(new SettingPool({ ...db.config, max: 1 })) as pg.Pool
    const { lifeguard, kinds } = guard(pool, { sessionState: false })
    for (let turn = 0; turn < 2; turn += 1) {
      const client = await pool.connect()
      const line = hereLine(-1)
      expect(lifeguard.snapshot().checkouts).toMatchObject([{ origin: { line } }])
      client.release()
      expect(lifeguard.snapshot().checkouts).toEqual([])
      expect(pool.idleCount).toBe(1)
    }
    expect(kinds()).toEqual([])
  })
})

describe("the pool's own events", () => {
  it('reach an emit of the pool, although nobody listens', async () => {
    const events: unknown[] = []
    class NotingPool extends pg.Pool {
      override emit(...args: Parameters<pg.Pool['emit']>): boolean {
        events.push(args[0])
        return super.emit(...args)
      }
    }
    const pool = abandonAfterTest(new NotingPool({ ...db.config, max: 1 })) as pg.Pool
    guard(pool)
    await pool.query('SELECT 1')
    expect(events).toEqual(['connect', 'acquire', 'release'])
  })

  it('have listeners whose late statements are noticed during a pool.query, too', async () => {
    const pool = openPool()
    await pool.query('SELECT 1')
    const late: Promise<unknown>[] = []
    pool.on('acquire', (client) => {
      late.push(Promise.resolve().then(() => client.query('SELECT 2')))
    })
    const notes: string[] = []
    const reporter: Reporter = { finding: () => {}, info: (message) => void notes.push(message) }
    guard(pool, { reporters: [reporter] })
    await pool.query('SELECT 1')
    await eventually(() =>
      expect(notes.join()).toContain("a listener of the pool's event connect or acquire"),
    )
    await Promise.all(late)
  })
})

describe('a connection that is lost before its owner has it', () => {
  const message = (type: string, content: Buffer) => {
    const head = Buffer.alloc(5)
    head.write(type, 0)
    head.writeInt32BE(content.length + 4, 1)
    return Buffer.concat([head, content])
  }
  const shutdown = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'
  const welcomeAndFarewell = Buffer.concat([
    message('R', Buffer.alloc(4)),
    message('K', Buffer.alloc(8, 1)),
    message('Z', Buffer.from('I')),
    message('E', Buffer.from(shutdown)),
  ])

  it.each(modes)('is reported, and its statement rejects, in %s', async (mode) => {
    // As a server that is shut down while a client connects, read in one packet after a blocked event loop.
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(welcomeAndFarewell))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    const pool = abandonAfterTest(
      new pg.Pool({ host: '127.0.0.1', port, user: 'nobody', database: 'none', max: 1 }),
    )
    // Without a listener of the test on the client, as an application has none.
    pool.removeAllListeners('connect')
    const { findings } = guard(pool, { mode })
    const client = await pool.connect()
    expect((await failureOf(() => client.query('SELECT 1'))).message).toMatch(/connection|terminat/i)
    client.release()
    expect(findings).toMatchObject([
      {
        kind: 'session-killed',
        origin: { file: import.meta.filename },
        hint: expect.stringContaining('57P01'),
      },
    ])
  })
})

it('adds no listener to the pool: libraries look whether there are any', async () => {
  const pool = new pg.Pool({ ...db.config, max: 1 })
  onTestFinished(() => pool.end())
  const { unwatch } = guard(pool)
  expect(pool.eventNames()).toEqual([])
  unwatch()
  expect(Object.hasOwn(pool, 'emit')).toBe(false)
})
