import pg from 'pg'
import { fromKysely, PgBoss } from 'pg-boss'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createLifeguard,
  type Finding,
  manualClock,
  WatchError,
  withJobScope,
} from '../../../../../src/index.ts'
import { failureOf, modes } from '../../../../support/bare-twin.ts'
import { useDatabase } from '../../../../support/database.ts'
import { eventually } from '../../../../support/eventually.ts'
import { hereLine } from '../../../../support/guarded-pool.ts'

const db = useDatabase()
/** A queue for each test: what one leaves behind is no job of another. */
let queues = 0

describe.each(modes)('pg-boss in %s', (mode) => {
  /** The application's own pool, which its handlers use, beside the pool of pg-boss. */
  async function service(own: 'a pool of its own' | 'the pool of the application') {
    const clock = manualClock()
    const lifeguard = createLifeguard({ clock, mode, reporters: [] })
    const findings: Finding[] = []
    lifeguard.on('finding', (finding) => findings.push(finding))
    const pool = new pg.Pool({ ...db.config, max: 5 })
    pool.on('error', () => {})
    lifeguard.watch(pool, { name: 'main' })
    const boss = new PgBoss(
      own === 'a pool of its own'
        ? { connectionString: db.url, max: 3 }
        : { db: { executeSql: (text, values) => pool.query(text, values) } },
    )
    boss.on('error', () => {})
    if (own === 'a pool of its own') lifeguard.watch(boss, { name: 'jobs' })
    await boss.start()
    queues += 1
    const queue = `send-mail-${queues}`
    await boss.createQueue(queue)
    onTestFinished(async () => {
      await boss.stop({ graceful: false })
      await lifeguard.close()
      void pool.end()
      await db.query(endSessions)
    })
    return { boss, queue, pool, clock, lifeguard, findings }
  }

  it.each(['a pool of its own', 'the pool of the application'] as const)(
    'on %s: a job that leaves its client out is found at its line, by its name',
    async (own) => {
      const { boss, queue, pool, clock, lifeguard, findings } = await service(own)
      pool.on('acquire', (client) => client.on('error', () => {}))
      const line = hereLine(3)
      const handled = new Promise<void>((resolve) => {
        const handler = async () => {
          const client = await pool.connect()
          await client.query('BEGIN')
          resolve()
        }
        void boss.work(queue, { pollingIntervalSeconds: 0.5 }, withJobScope(lifeguard, handler))
      })
      const id = await boss.send(queue, { to: 'somebody' })
      await handled
      const leaks = () => findings.filter(({ pool: name }) => name === 'main')
      await eventually(() => {
        clock.advance(200)
        expect(leaks()).toMatchObject([
          { kind: 'outlived-scope', scope: { kind: 'job', name: queue, id }, origin: { line } },
        ])
      })
      expect(findings).toHaveLength(1)
      await eventually(async () =>
        expect(await boss.findJobs(queue, { id: id ?? '' })).toMatchObject([{ state: 'completed' }]),
      )
    },
  )

  it.each(['a pool of its own', 'the pool of the application'] as const)(
    'on %s: a long job, a failing one and a batch give no finding',
    async (own) => {
      const { boss, queue, pool, clock, lifeguard, findings } = await service(own)
      let handled = 0
      let begun = 0
      let finish = () => {}
      const isLong = new Promise<void>((resolve) => {
        finish = resolve
      })
      const handler = async (jobs: readonly { data: { fails?: boolean } }[]) => {
        const client = await pool.connect()
        try {
          await client.query('BEGIN')
          await client.query('SELECT 1')
          await client.query('COMMIT')
        } finally {
          client.release()
        }
        begun += 1
        await isLong
        handled += jobs.length
        if (jobs.some(({ data }) => data.fails)) throw new Error('no such address')
      }
      await boss.work(queue, { pollingIntervalSeconds: 0.5, batchSize: 3 }, withJobScope(lifeguard, handler))
      await boss.insert(queue, [{ data: {} }, { data: {} }, { data: { fails: true }, retryLimit: 0 }])
      await eventually(() => expect(begun).toBe(1))
      for (let second = 0; second < 600; second += 1) clock.advance(1_000)
      finish()
      await eventually(() => expect(handled).toBe(3))
      expect(findings).toEqual([])
      await eventually(() => expect(lifeguard.snapshot().checkouts).toEqual([]))
    },
  )
})

it('a worker that runs its handler in a transaction is reported for it, at no harm in observe', async () => {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [] })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  const boss = new PgBoss({ connectionString: db.url })
  boss.on('error', () => {})
  lifeguard.watch(boss, { name: 'jobs' })
  await boss.start()
  onTestFinished(async () => {
    await boss.stop({ graceful: false })
    await lifeguard.close()
  })
  await boss.createQueue('in-a-transaction')
  let begin = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  let finish = () => {}
  const isLong = new Promise<void>((resolve) => {
    finish = resolve
  })
  await boss.work('in-a-transaction', { transactional: true, pollingIntervalSeconds: 0.5 }, async () => {
    begin()
    await isLong
  })
  const id = await boss.send('in-a-transaction')
  await begun
  clock.advance(11_000)
  expect(findings).toMatchObject([{ kind: 'idle-transaction', certainty: 'suspected', pool: 'jobs' }])
  finish()
  await eventually(async () =>
    expect(await boss.findJobs('in-a-transaction', { id: id ?? '' })).toMatchObject([{ state: 'completed' }]),
  )
})

it('a handler in a transaction that idles too long fails its job in enforce, and the next job is done', async () => {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, mode: 'enforce', reporters: [] })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  const boss = new PgBoss({ connectionString: db.url, max: 2 })
  boss.on('error', () => {})
  lifeguard.watch(boss, { name: 'jobs' })
  await boss.start()
  onTestFinished(async () => {
    await boss.stop({ graceful: false })
    await lifeguard.close()
  })
  const queue = 'rolled-back'
  await boss.createQueue(queue, { retryLimit: 0 })
  await db.query('CREATE TABLE IF NOT EXISTS mails (body text); TRUNCATE mails')
  let finish = () => {}
  const isLong = new Promise<void>((resolve) => {
    finish = resolve
  })
  let begun = 0
  const work = { transactional: true, pollingIntervalSeconds: 0.5 } as const
  const handler = async (
    [job]: readonly { id: string; data: { waits?: boolean } }[],
    transaction: { executeSql(text: string, values: unknown[]): Promise<unknown> },
  ) => {
    await transaction.executeSql('INSERT INTO mails VALUES ($1)', [job?.id])
    begun += 1
    if (job?.data.waits) await isLong
  }
  await boss.work(queue, work, withJobScope(lifeguard, handler))
  const id = await boss.send(queue, { waits: true })
  await eventually(() => expect(begun).toBe(1))
  clock.advance(11_000)
  await eventually(() =>
    expect(lifeguard.snapshot().findings).toMatchObject([
      { kind: 'idle-transaction', outcome: 'rolled-back', pool: 'jobs' },
    ]),
  )
  finish()
  const stateOf = async (job: string | null) => (await boss.findJobs(queue, { id: job ?? '' }))[0]
  await eventually(async () => expect(await stateOf(id)).toMatchObject({ state: 'failed' }))
  expect(JSON.stringify((await stateOf(id))?.output)).toContain('pg-lifeguard')
  const next = await boss.send(queue, { waits: false })
  await eventually(async () => expect(await stateOf(next)).toMatchObject({ state: 'completed' }))
  expect((await db.query('SELECT body FROM mails')).rows).toEqual([{ body: next }])
  expect(findings.map(({ kind }) => kind)).toEqual(['idle-transaction'])
  await eventually(() => expect(lifeguard.snapshot().checkouts).toEqual([]))
})

describe('watch(boss)', () => {
  function openBoss(options: object = {}): PgBoss {
    const boss = new PgBoss({ connectionString: db.url, ...options })
    boss.on('error', () => {})
    return boss
  }

  it('follows the pool over restarts, and lets go of it', async () => {
    const boss = openBoss()
    const lifeguard = createLifeguard({ reporters: [] })
    onTestFinished(() => lifeguard.close())
    const unwatch = lifeguard.watch(boss, { name: 'jobs' })
    expect(lifeguard.snapshot().pools).toEqual([])
    for (let start = 0; start < 2; start += 1) {
      await boss.start()
      expect(lifeguard.snapshot().pools).toMatchObject([{ name: 'jobs', ending: false }])
      await boss.stop({ graceful: false })
    }
    await boss.start()
    unwatch()
    expect(lifeguard.snapshot().pools).toEqual([])
    const client = await (boss.getDb() as unknown as { pool: pg.Pool }).pool.connect()
    expect(Object.hasOwn(boss.getDb(), 'open')).toBe(false)
    client.release()
    await boss.stop({ graceful: false })
  })

  it('takes one that is started already', async () => {
    const boss = openBoss()
    await boss.start()
    const lifeguard = createLifeguard({ reporters: [] })
    lifeguard.watch(boss)
    expect(lifeguard.snapshot().pools).toHaveLength(1)
    await lifeguard.close()
    await boss.stop({ graceful: false })
  })

  it('refuses one over a database of the application, and says what to watch', async () => {
    const boss = openBoss({ db: fromKysely({} as never) })
    const lifeguard = createLifeguard({ reporters: [] })
    onTestFinished(() => lifeguard.close())
    const error = await failureOf(() => lifeguard.watch(boss))
    expect(error).toBeInstanceOf(WatchError)
    expect(error.message).toMatch(/own pool, got one with the option db: watch the pool behind that/)
  })
})

const endSessions = `
  SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`
