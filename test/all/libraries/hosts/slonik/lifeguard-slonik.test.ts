import { createPgDriverFactory } from '@slonik/pg-driver'
import { createPool, type Interceptor } from 'slonik'
import { describe, expect, it, onTestFinished } from 'vitest'
import { lifeguardSlonik } from '../../../../../src/hosts/slonik/lifeguard-slonik.ts'
import { createLifeguard } from '../../../../../src/index.ts'
import { useDatabase } from '../../../../support/database.ts'
import { eventually } from '../../../../support/eventually.ts'
import { empty, held, open, run } from '../../support/slonik.ts'

const db = useDatabase()

describe('a pool of Slonik by lifeguardSlonik', () => {
  it('rolls back what is left open, and its owner learns of it', async () => {
    const { pool, found } = await open(db, 'lifeguardSlonik', { mode: 'enforce' })
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
        db,
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
    const { pool, lifeguard, kinds } = await open(
      db,
      'lifeguardSlonik',
      { mode: 'enforce' },
      { maxPoolSize: 1 },
    )
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
    const { pool, lifeguard, kinds } = await open(db, 'lifeguardSlonik', {}, { maxPoolSize: 1 })
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
    const { pool, lifeguard } = await open(db, 'lifeguardSlonik', {}, { maxPoolSize: 5, password })
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
    const { pool } = await open(db, 'lifeguardSlonik', { tag: { application: 'shop' } })
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
    const { pool, lifeguard } = await open(db, 'lifeguardSlonik', {}, { interceptors: [own] })
    expect(pool.configuration.interceptors).toHaveLength(3)
    await pool.connect(async () => {
      expect(lifeguard.snapshot().pools).toMatchObject([{ out: 1 }])
    })
  })

  it('is what watch(pool) means afterwards', async () => {
    const { pool, lifeguard } = await open(db, 'lifeguardSlonik')
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
