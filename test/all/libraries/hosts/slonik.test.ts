import { createPgDriverFactory } from '@slonik/pg-driver'
import { type ClientConfigurationInput, createPool, type DatabasePool, type Interceptor, sql } from 'slonik'
import { describe, expect, it, onTestFinished } from 'vitest'
import { lifeguardSlonik } from '../../../../src/hosts/slonik/lifeguard-slonik.ts'
import {
  createLifeguard,
  type Finding,
  type FindingKind,
  type Lifeguard,
  type LifeguardOptions,
  manualClock,
} from '../../../../src/index.ts'
import { useDatabase } from '../../../support/database.ts'
import { eventually } from '../../../support/eventually.ts'
import { hereLine } from '../../../support/guarded-pool.ts'

const db = useDatabase()
const run = (text: string) => sql.unsafe(Object.freeze(Object.assign([text], { raw: Object.freeze([text]) })))

/** Both ways to put a pool of Slonik under watch. */
const ways = {
  'watch(pool)': async (lifeguard: Lifeguard, options: ClientConfigurationInput) => {
    const pool = await createPool(db.url, options)
    lifeguard.watch(pool, { name: 'main' })
    return pool
  },
  lifeguardSlonik: (lifeguard: Lifeguard, options: ClientConfigurationInput) =>
    createPool(db.url, {
      ...lifeguardSlonik(lifeguard, { driverFactory: createPgDriverFactory(), name: 'main' }),
      ...options,
    }),
} as const

async function open(
  way: keyof typeof ways,
  options: LifeguardOptions = {},
  poolOptions: ClientConfigurationInput = {},
) {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  const pool = await ways[way](lifeguard, { maxPoolSize: 2, ...poolOptions })
  onTestFinished(async () => {
    await lifeguard.close()
    await pool.end()
  })
  const found = (kind: FindingKind) =>
    eventually(() => {
      clock.advance(1_000)
      const finding = findings.find((one) => one.kind === kind)
      if (finding === undefined) throw new Error(`no ${kind} yet`)
      return finding
    })
  return { pool, lifeguard, clock, findings, found, kinds: () => findings.map(({ kind }) => kind) }
}

/** Work that goes on until it is let go. */
function held() {
  let letGo = () => {}
  const gone = new Promise<void>((resolve) => {
    letGo = resolve
  })
  return { gone, letGo }
}

const empty = (lifeguard: Lifeguard) => eventually(() => expect(lifeguard.snapshot().checkouts).toEqual([]))

describe.each(Object.keys(ways) as (keyof typeof ways)[])('a pool of Slonik, by %s', (way) => {
  it.each([
    ['connect', (pool: DatabasePool, gone: Promise<void>) => pool.connect(() => gone)],
    ['transaction', (pool: DatabasePool, gone: Promise<void>) => pool.transaction(() => gone)],
  ] as const)('reports the line and the scope of %s', async (_method, hold) => {
    const { pool, lifeguard, clock, findings } = await open(way)
    const { gone, letGo } = held()
    const line = hereLine(3)
    const scope = lifeguard.openScope({ kind: 'request', name: 'GET /leak' })
    const holding = scope.run(async () => {
      await hold(pool, gone)
    })
    await eventually(() => expect(lifeguard.snapshot().pools).toMatchObject([{ out: 1, max: 2 }]))
    scope.end('answered')
    clock.advance(60_000)
    const [finding] = findings.filter(({ kind }) => kind === 'outlived-scope')
    expect(finding?.origin?.frames).toContainEqual(
      expect.objectContaining({ file: import.meta.filename, line }),
    )
    expect(finding).toMatchObject({ pool: 'main', scope: { name: 'GET /leak' } })
    letGo()
    await holding
    await empty(lifeguard)
  })

  it('keeps line and scope of callers that wait in the queue', async () => {
    const { pool, lifeguard } = await open(way, {}, { maxPoolSize: 1 })
    const { gone, letGo } = held()
    const names = ['GET /0', 'GET /1', 'GET /2', 'GET /3']
    const all = names.map((name) =>
      lifeguard.runInScope({ kind: 'request', name }, () => pool.connect(() => gone)),
    )
    await eventually(() => expect(lifeguard.snapshot().pools).toMatchObject([{ out: 1 }]))
    const seen = lifeguard
      .snapshot()
      .checkouts.map(({ scope, phase, origin }) => [scope?.name, phase, origin?.file])
    const here = import.meta.filename
    expect(seen).toEqual(names.map((name, index) => [name, index === 0 ? 'out' : 'waiting', here]))
    letGo()
    await Promise.all(all)
    await empty(lifeguard)
  })

  it('sees an owner off whose work has failed', async () => {
    const { pool, lifeguard, findings } = await open(way)
    const failing = pool.connect(async () => {
      throw new Error('its own')
    })
    await expect(failing).rejects.toThrow('its own')
    await expect(pool.any(run('SELECT 1/0'))).rejects.toThrow()
    await empty(lifeguard)
    expect(findings).toEqual([])
  })

  it('leaves a caller alone that another interceptor sends to another pool', async () => {
    const other = await createPool(db.url, { maxPoolSize: 1 })
    onTestFinished(() => other.end())
    const elsewhere: Interceptor = { name: 'elsewhere', beforePoolConnection: () => other }
    const { pool, lifeguard, clock, findings } = await open(way, {}, { interceptors: [elsewhere] })
    await pool.any(run('SELECT 1'))
    clock.advance(60_000)
    expect(lifeguard.snapshot()).toMatchObject({ checkouts: [], pools: [{ total: 0, waiting: 0 }] })
    expect(findings).toEqual([])
  })

  it('calls the interceptors of the application, and those alone after unwatch', async () => {
    const called: string[] = []
    const own: Interceptor = {
      name: 'own',
      afterPoolConnection: async (_context, connection) => {
        called.push('after')
        await connection.query(run("SET application_name = 'own'"))
        return null
      },
    }
    const { pool, lifeguard } = await open(way, {}, { interceptors: [own] })
    await pool.any(run('SELECT 1'))
    lifeguard.watch(pool)()
    await pool.any(run('SELECT 1'))
    expect(called).toEqual(['after', 'after'])
    expect(lifeguard.snapshot().pools).toEqual([])
  })

  it('forgets callers that got an error in place of a connection', async () => {
    const { pool, lifeguard, clock, findings } = await open(way, {}, { maxPoolSize: 1 })
    const { gone, letGo } = held()
    const holding = pool.connect(() => gone)
    const waiting = pool.connect(async () => {}).catch((error: Error) => error.message)
    await eventually(() => expect(lifeguard.snapshot().pools).toMatchObject([{ out: 1, waiting: 1 }]))
    await pool.end()
    expect(await waiting).toContain('terminated')
    clock.advance(60_000)
    expect(lifeguard.snapshot().checkouts.filter(({ phase }) => phase === 'waiting')).toEqual([])
    expect(findings.filter(({ kind }) => kind === 'pool-exhausted')).toEqual([])
    letGo()
    await holding.catch(() => {})
  })

  it('gives no finding for a server that cannot be reached', async () => {
    let isDown = false
    const password = async () => {
      if (isDown) throw new Error('no password')
      return db.config.password
    }
    const { pool, lifeguard, clock, findings } = await open(way, {}, { maxPoolSize: 3, password })
    isDown = true
    const failing = Array.from({ length: 3 }, () => pool.any(run('SELECT 1')).catch(() => 'failed'))
    expect(await Promise.all(failing)).toEqual(['failed', 'failed', 'failed'])
    clock.advance(60_000)
    expect(lifeguard.snapshot().checkouts).toEqual([])
    expect(findings).toEqual([])
  })

  it('finds a pool that waits for itself, with the line of the holder', async () => {
    const { pool, lifeguard, found } = await open(way, {}, { maxPoolSize: 1 })
    const waiting: Promise<unknown>[] = []
    const { gone, letGo } = held()
    const line = hereLine(2)
    const holding = lifeguard.runInScope({ kind: 'request', name: 'GET /nested' }, () =>
      pool.connect(async () => {
        waiting.push(pool.connect(async () => 'served'))
        await gone
      }),
    )
    const finding = await found('pool-deadlock')
    expect(finding.holders).toMatchObject([{ scope: { name: 'GET /nested' }, origin: { line } }])
    expect(finding.origin).toMatchObject({ line: line + 1 })
    letGo()
    await holding
    expect(await Promise.all(waiting)).toEqual(['served'])
  })

  it('gives no finding for correct use', async () => {
    const { pool, lifeguard, clock, findings } = await open(way, { mode: 'enforce' })
    await db.query('CREATE TABLE IF NOT EXISTS kept (body text); TRUNCATE kept')
    await pool.transaction(async (outer) => {
      await outer.query(run("INSERT INTO kept VALUES ('outer')"))
      await outer
        .transaction(async (inner) => {
          await inner.query(run("INSERT INTO kept VALUES ('inner')"))
          throw new Error('back to the savepoint')
        })
        .catch(() => {})
      await outer.transaction((inner) => inner.query(run("INSERT INTO kept VALUES ('second')")))
    })
    const rows: unknown[] = []
    await pool.stream(run('SELECT generate_series(1, 100) AS n'), (stream) => {
      stream.on('data', (row) => rows.push(row))
    })
    await pool.connect(async (connection) => {
      await connection.query(run("SET search_path TO 'public'"))
      await connection.query(run('SELECT pg_advisory_lock(1)'))
    })
    await Promise.all(Array.from({ length: 20 }, () => pool.any(run('SELECT 1'))))
    await empty(lifeguard)
    clock.advance(60_000)
    expect(rows).toHaveLength(100)
    expect((await db.query('SELECT body FROM kept')).rows).toEqual([{ body: 'outer' }, { body: 'second' }])
    expect(findings).toEqual([])
  })

  it('exempts the connection that the application has', async () => {
    const { pool, lifeguard, clock, findings } = await open(way)
    await pool.connect(async (connection) => {
      lifeguard.exempt(connection, 'by design')
      clock.advance(600_000)
    })
    await pool.transaction(async (transaction) => {
      await transaction.query(run('SELECT 1'))
      lifeguard.exempt(transaction, 'by design')
      clock.advance(600_000)
    })
    expect(findings).toEqual([])
  })

  it('is counted in statistics', async () => {
    const { pool, lifeguard } = await open(way, { statistics: true })
    await pool.any(run('SELECT 1'))
    await pool.transaction((transaction) => transaction.any(run('SELECT 1')))
    await empty(lifeguard)
    expect(lifeguard.statistics().pools).toMatchObject([{ pool: 'main', checkouts: 2 }])
    const origins = lifeguard.statistics().origins.map(({ origin }) => origin?.file)
    expect(new Set(origins)).toEqual(new Set([import.meta.filename]))
  })
})

describe('a pool of Slonik by watch(pool)', () => {
  it('says that it does not know the state of transactions, and only reports', async () => {
    const { pool, lifeguard, clock, findings } = await open('watch(pool)', { mode: 'enforce' })
    const { gone, letGo } = held()
    const scope = lifeguard.openScope({ kind: 'request', name: 'GET /leak' })
    const holding = scope.run(() =>
      pool.transaction(async (transaction) => {
        await transaction.query(run('SELECT 1'))
        await gone
      }),
    )
    await eventually(() => expect(lifeguard.snapshot().checkouts).toMatchObject([{ queryCount: 2 }]))
    scope.end('answered')
    clock.advance(60_000)
    expect(lifeguard.snapshot().checkouts).toMatchObject([
      { transaction: 'unknown', transactionMillis: 0, lastQuery: 'SELECT ?' },
    ])
    expect(findings.map(({ kind, remedy }) => [kind, remedy])).toContainEqual(['outlived-scope', 'report'])
    expect(new Set(findings.map(({ remedy }) => remedy))).toEqual(new Set(['report']))
    letGo()
    await holding
    await empty(lifeguard)
  })

  it('says what a connection is busy with', async () => {
    const { pool, lifeguard, clock, found } = await open('watch(pool)')
    const busy = pool.any(run('SELECT pg_sleep(60)')).catch(() => {})
    await eventually(() => expect(lifeguard.snapshot().checkouts).toMatchObject([{ queryCount: 1 }]))
    clock.advance(100)
    expect(lifeguard.snapshot().checkouts).toMatchObject([{ idleMillis: 0, busyMillis: 100 }])
    expect((await found('long-hold')).hint).toContain('one statement has been running')
    const [{ pid } = { pid: 0 }] = (await db.sessions()).filter(({ query }) => query.includes('pg_sleep'))
    await db.terminate(pid)
    await busy
    await empty(lifeguard)
  })

  it('is taken off again without a trace', async () => {
    const { pool, lifeguard } = await open('watch(pool)')
    const before = pool.configuration.interceptors
    lifeguard.watch(pool)()
    const given = pool.configuration.interceptors
    const unwatch = lifeguard.watch(pool)
    expect(pool.configuration.interceptors).toHaveLength(2)
    expect(before).toHaveLength(2)
    await pool.any(run('SELECT 1'))
    unwatch()
    expect(pool.configuration.interceptors).toBe(given)
    expect(given).toEqual([])
  })
})

describe('a pool of Slonik by lifeguardSlonik', () => {
  it('rolls back what is left open, and its owner learns of it', async () => {
    const { pool, found } = await open('lifeguardSlonik', { mode: 'enforce' })
    await db.query('CREATE TABLE IF NOT EXISTS lost (body text)')
    const error = await pool
      .transaction(async (transaction) => {
        await transaction.query(run("INSERT INTO lost VALUES ('x')"))
        const finding = await found('idle-transaction')
        expect(finding.checkout).toMatchObject({ transaction: 'open', pid: expect.any(Number) })
        await transaction.query(run("INSERT INTO lost VALUES ('y')"))
      })
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'LIFEGUARD_TRANSACTION_ROLLED_BACK' })
    expect((await db.query('SELECT * FROM lost')).rows).toEqual([])
    expect(await pool.oneFirst(run('SELECT 1'))).toBe(1)
  })

  it.each(['idle', 'at work'] as const)(
    'destroys a session that is %s, and serves who waits',
    async (state) => {
      const { pool, lifeguard, clock, found } = await open(
        'lifeguardSlonik',
        { mode: 'enforce', remedies: { 'long-hold': 'destroy' } },
        { maxPoolSize: 1, gracefulTerminationTimeout: 60_000 },
      )
      const { gone, letGo } = held()
      const holding = pool
        .connect(async (connection) => {
          await connection.query(run('SELECT 1'))
          if (state === 'at work') await connection.query(run('SELECT pg_sleep(60)'))
          await gone
          await connection.query(run('SELECT 2'))
        })
        .catch((reason: unknown) => reason)
      await eventually(() =>
        expect(lifeguard.snapshot().checkouts).toMatchObject([{ queryCount: state === 'idle' ? 1 : 2 }]),
      )
      const waiting = pool.oneFirst(run('SELECT 3'))
      await found('long-hold')
      expect(await waiting).toBe(3)
      letGo()
      expect(await holding).toMatchObject({ code: 'LIFEGUARD_SESSION_DESTROYED' })
      await empty(lifeguard)
      clock.advance(1_000)
      expect(lifeguard.snapshot().findings.filter(({ resolvedAt }) => resolvedAt === undefined)).toEqual([])
    },
  )

  it('rolls back a transaction that is released open, before the next owner', async () => {
    const { pool, lifeguard, kinds } = await open('lifeguardSlonik', { mode: 'enforce' }, { maxPoolSize: 1 })
    const pid = () => run('SELECT pg_backend_pid()')
    const before = await pool.connect(async (connection) => {
      await connection.query(run('BEGIN'))
      return connection.oneFirst(pid())
    })
    expect(await pool.oneFirst(pid())).toBe(before)
    expect(kinds()).toEqual(['dirty-release'])
    await empty(lifeguard)
  })

  it('reports a statement that is not awaited, and one session that the server ends', async () => {
    const { pool, lifeguard, kinds } = await open('lifeguardSlonik', {}, { maxPoolSize: 1 })
    await pool.connect(async (connection) => {
      void connection.query(run('SELECT pg_sleep(0.2)')).catch(() => {})
      await new Promise((resolve) => setImmediate(resolve))
    })
    expect(kinds()).toEqual(['busy-release'])
    await eventually(() => expect(pool.state()).toMatchObject({ acquiredConnections: 0 }))
    const ended = pool.connect(async (connection) => {
      const pid = await connection.oneFirst(run('SELECT pg_backend_pid()'))
      await db.terminate(Number(pid))
      await connection.query(run('SELECT 1'))
    })
    await expect(ended).rejects.toThrow()
    expect(kinds()).toEqual(['busy-release', 'session-killed'])
    await empty(lifeguard)
  })

  it('finds the client where the password is a function, and where several connect at once', async () => {
    const password = async () => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
      return db.config.password
    }
    const { pool, lifeguard } = await open('lifeguardSlonik', {}, { maxPoolSize: 5, password })
    const { gone, letGo } = held()
    const holding = Array.from({ length: 5 }, () =>
      pool.transaction(async (transaction) => {
        const pid = await transaction.oneFirst(run('SELECT pg_backend_pid()'))
        await gone
        return pid
      }),
    )
    await eventually(() => expect(lifeguard.snapshot().pools).toMatchObject([{ out: 5, total: 5 }]))
    await eventually(() => {
      for (const { transaction } of lifeguard.snapshot().checkouts) expect(transaction).toBe('open')
    })
    const pids = lifeguard.snapshot().checkouts.map(({ pid }) => pid)
    letGo()
    expect(new Set(pids)).toEqual(new Set(await Promise.all(holding)))
  })

  it('tags statements', async () => {
    const { pool } = await open('lifeguardSlonik', { tag: { application: 'shop' } })
    const text = run('SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()')
    expect(await pool.oneFirst(text)).toContain('slonik.test.ts')
  })

  it('stays with its pool over a restart with the same options, under the same name', async () => {
    const lifeguard = createLifeguard({ reporters: [] })
    onTestFinished(() => lifeguard.close())
    const options = lifeguardSlonik(lifeguard, { driverFactory: createPgDriverFactory() })
    const first = await createPool(db.url, { ...options, poolName: 'orders' })
    await first.any(run('SELECT 1'))
    await first.end()
    const second = await createPool(db.url, { ...options, poolName: 'orders' })
    onTestFinished(() => second.end())
    await second.connect(async () => {
      expect(lifeguard.snapshot().pools).toMatchObject([{ name: 'orders', out: 1 }])
    })
  })

  it('tells pools apart that are made with the same options', async () => {
    const lifeguard = createLifeguard({ reporters: [] })
    onTestFinished(() => lifeguard.close())
    const options = lifeguardSlonik(lifeguard, { driverFactory: createPgDriverFactory(), name: 'main' })
    const [first, second] = [await createPool(db.url, options), await createPool(db.url, options)]
    onTestFinished(async () => void (await Promise.all([first.end(), second.end()])))
    await second.connect(() =>
      first.connect(async () => {
        const names = lifeguard.snapshot().checkouts.map(({ pool }) => pool)
        expect(names.toSorted()).toEqual(['main', 'main-2'])
      }),
    )
  })

  it('guards a pool whose own interceptors have taken the place of those that it was given', async () => {
    const own: Interceptor = { name: 'own' }
    const { pool, lifeguard } = await open('lifeguardSlonik', {}, { interceptors: [own] })
    expect(pool.configuration.interceptors).toHaveLength(3)
    await pool.connect(async () => {
      expect(lifeguard.snapshot().pools).toMatchObject([{ out: 1 }])
    })
  })

  it('is what watch(pool) means afterwards', async () => {
    const { pool, lifeguard } = await open('lifeguardSlonik')
    const unwatch = lifeguard.watch(pool)
    expect(lifeguard.snapshot().pools).toHaveLength(1)
    await pool.transaction(async (transaction) => {
      unwatch()
      expect(lifeguard.snapshot().pools).toEqual([])
      await transaction.any(run('SELECT 1'))
    })
    await pool.any(run('SELECT 1'))
    lifeguard.watch(pool, { name: 'again' })
    await pool.transaction(async (transaction) => {
      await transaction.any(run('SELECT 1'))
      expect(lifeguard.snapshot().checkouts).toMatchObject([{ pool: 'again', transaction: 'open' }])
    })
  })
})
