import { createPool, type DatabasePool, type Interceptor } from 'slonik'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useDatabase } from '../../../../support/database.ts'
import { eventually } from '../../../../support/eventually.ts'
import { hereLine } from '../../../../support/guarded-pool.ts'
import { empty, held, open, run, ways } from '../../support/slonik.ts'

const db = useDatabase()

describe.each(Object.keys(ways) as (keyof typeof ways)[])('a pool of Slonik, by %s', (way) => {
  it.each([
    ['connect', (pool: DatabasePool, gone: Promise<void>) => pool.connect(() => gone)],
    ['transaction', (pool: DatabasePool, gone: Promise<void>) => pool.transaction(() => gone)],
  ] as const)('reports the line and the scope of %s', async (_method, hold) => {
    const { pool, lifeguard, clock, findings } = await open(db, way)
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
    const { pool, lifeguard } = await open(db, way, {}, { maxPoolSize: 1 })
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
    const { pool, lifeguard, findings } = await open(db, way)
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
    const { pool, lifeguard, clock, findings } = await open(db, way, {}, { interceptors: [elsewhere] })
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
    const { pool, lifeguard } = await open(db, way, {}, { interceptors: [own] })
    await pool.any(run('SELECT 1'))
    lifeguard.watch(pool)()
    await pool.any(run('SELECT 1'))
    expect(called).toEqual(['after', 'after'])
    expect(lifeguard.snapshot().pools).toEqual([])
  })

  it('forgets callers that got an error in place of a connection', async () => {
    const { pool, lifeguard, clock, findings } = await open(db, way, {}, { maxPoolSize: 1 })
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
    const { pool, lifeguard, clock, findings } = await open(db, way, {}, { maxPoolSize: 3, password })
    isDown = true
    const failing = Array.from({ length: 3 }, () => pool.any(run('SELECT 1')).catch(() => 'failed'))
    expect(await Promise.all(failing)).toEqual(['failed', 'failed', 'failed'])
    clock.advance(60_000)
    expect(lifeguard.snapshot().checkouts).toEqual([])
    expect(findings).toEqual([])
  })

  it('finds a pool that waits for itself, with the line of the holder', async () => {
    const { pool, lifeguard, found } = await open(db, way, {}, { maxPoolSize: 1 })
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
    const { pool, lifeguard, clock, findings } = await open(db, way, { mode: 'enforce' })
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
    const { pool, lifeguard, clock, findings } = await open(db, way)
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
    const { pool, lifeguard } = await open(db, way, { statistics: true })
    await pool.any(run('SELECT 1'))
    await pool.transaction((transaction) => transaction.any(run('SELECT 1')))
    await empty(lifeguard)
    expect(lifeguard.statistics().pools).toMatchObject([{ pool: 'main', checkouts: 2 }])
    const origins = lifeguard.statistics().origins.map(({ origin }) => origin?.file)
    expect(new Set(origins)).toEqual(new Set([import.meta.filename]))
  })
})
