import pg from 'pg'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { Ledger } from '../../src/core/ledger.ts'
import { ActiveTime } from '../../src/core/time/active-time.ts'
import { Announcer } from '../../src/guard/announcer.ts'
import { Enforcer } from '../../src/guard/enforcer.ts'
import { Judge } from '../../src/guard/judge.ts'
import { pgPoolHost } from '../../src/hosts/pg/pg-pool.ts'
import type { PoolHost } from '../../src/hosts/pool-host.ts'
import { WatchedPool } from '../../src/hosts/watched-pool.ts'
import { type Finding, type LifeguardOptions, manualClock, SessionDestroyedError } from '../../src/index.ts'
import { resolveOptions } from '../../src/options.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { hereLine } from '../support/guarded-pool.ts'
import { ToyPool, toyHost } from './toy-pool.ts'

/** Of the sweeps, in milliseconds. */
const period = 100

const db = useDatabase()
beforeEach(() => db.query('CREATE TABLE IF NOT EXISTS notes (body text); TRUNCATE notes'))

/** The core over a pool that hands out raw clients and takes them back by a method of its own. */
function watchToy(options: LifeguardOptions = {}, max = 1) {
  const pool = new ToyPool(db.config, max)
  return { pool, ...watch(toyHost(pool), () => pool.destroy(), options) }
}

function watch(host: PoolHost, end: () => Promise<void>, options: LifeguardOptions = {}) {
  const clock = manualClock()
  const resolved = resolveOptions({ clock, reporters: [], ...options })
  const settings = { ...resolved, remedies: { ...resolved.remedies } }
  const time = new ActiveTime(clock, period)
  const announcer = new Announcer([])
  const ledger = new Ledger(clock, time, settings.context, settings.queryText, {
    requested: () => {},
    resolved: (record) => announcer.resolved(record),
  })
  const judge = new Judge(settings, ledger, announcer, new Enforcer(settings, ledger, announcer))
  const findings: Finding[] = []
  announcer.on('finding', (finding) => findings.push(finding))
  const watched = new WatchedPool(host, { name: 'toy', handles: settings.handles }, ledger, judge)
  onTestFinished(async () => {
    watched.unwatch()
    await end()
  })
  const pass = (millis: number) => {
    time.tick()
    for (let passed = 0; passed < millis; passed += period) {
      clock.advance(period)
      time.tick()
      Array.from(judge.sweep())
    }
  }
  return { watched, findings, pass, kinds: () => findings.map(({ kind }) => kind) }
}

describe('over a pool whose clients have no release of their own', () => {
  it('says nothing of correct use', async () => {
    const { pool, watched, kinds } = watchToy({ mode: 'enforce' })
    for (let turn = 0; turn < 3; turn += 1) {
      const client = await pool.acquire()
      await client.query('BEGIN')
      await client.query('COMMIT')
      pool.release(client)
    }
    expect(kinds()).toEqual([])
    expect(watched.record.out.size).toBe(0)
    expect(pool.idle).toHaveLength(1)
  })

  it('knows the line of the acquire', async () => {
    const { pool, findings, pass } = watchToy({ limits: { idleTransactionMillis: 1_000 } })
    const client = await pool.acquire()
    const line = hereLine(-1)
    await client.query('BEGIN')
    pass(1_200)
    expect(findings).toMatchObject([{ kind: 'idle-transaction', pool: 'toy' }])
    // The toy's own file is not in `node_modules`, and comes first.
    expect(findings[0]?.origin?.frames).toContainEqual(
      expect.objectContaining({ file: import.meta.filename, line }),
    )
    await client.query('ROLLBACK')
    pool.release(client)
  })

  it('rolls back what a release leaves open before the next in line gets the client', async () => {
    const { pool, kinds } = watchToy({ mode: 'enforce' })
    const first = await pool.acquire()
    await first.query('BEGIN')
    await first.query("INSERT INTO notes VALUES ('half done')")
    const next = pool.acquire()
    pool.release(first)
    const second = await next
    expect(second).toBe(first)
    expect((await second.query('SELECT * FROM notes')).rows).toEqual([])
    pool.release(second)
    expect(kinds()).toEqual(['dirty-release'])
  })

  it('frees the slot of a client that a remedy destroys, and takes its late release for one', async () => {
    const { pool, watched, kinds, pass } = watchToy({
      mode: 'enforce',
      remedies: { 'long-hold': 'destroy' },
      limits: { holdMillis: 1_000 },
    })
    const stuck = await pool.acquire()
    const next = pool.acquire()
    pass(1_200)
    const client = await next
    expect(client).not.toBe(stuck)
    await expect(stuck.query('SELECT 1')).rejects.toBeInstanceOf(SessionDestroyedError)
    pool.release(stuck)
    expect(watched.record.out.size).toBe(1)
    pool.release(client)
    expect(pool.idle).toEqual([client])
    expect(kinds()).toEqual(['long-hold'])
  })

  it('reports a second release', async () => {
    const { pool, kinds } = watchToy()
    const client = await pool.acquire()
    pool.release(client)
    pool.release(client)
    expect(kinds()).toEqual(['double-release'])
    expect(pool.idle).toEqual([client])
  })

  it('reports a caller that waits for a client of a full pool', async () => {
    const { pool, findings, pass } = watchToy({ limits: { acquireWaitMillis: 1_000 } })
    const client = await pool.acquire()
    const waiting = pool.acquire()
    pass(1_200)
    expect(findings).toMatchObject([
      { kind: 'pool-exhausted', holders: [{ via: 'connect', pid: expect.any(Number) }] },
    ])
    pool.release(client)
    pool.release(await waiting)
  })

  it('lists a statement that runs without a checkout among the holders', async () => {
    const { pool, watched } = watchToy()
    const client = await pool.acquire()
    pool.release(client)
    const running = client.query('SELECT pg_sleep(0.2)')
    expect(watched.record.passingQueries()).toMatchObject([{ text: 'SELECT pg_sleep(0.2)' }])
    await running
    expect(watched.record.passingQueries()).toEqual([])
  })

  it('names who is in the way of the end of the pool', async () => {
    const { pool, kinds, pass } = watchToy()
    const client = await pool.acquire()
    void pool.destroy()
    pass(2_000)
    expect(kinds()).toContain('blocked-shutdown')
    await eventually(() => expect(client).toMatchObject({ _ended: true }))
  })

  it('leaves the pool and its clients as they were found when the guard is taken off', async () => {
    const { pool, watched } = watchToy()
    const client = await pool.acquire()
    watched.unwatch()
    expect(Object.hasOwn(client, 'query')).toBe(false)
    for (const method of ['acquire', 'release', 'drop', 'destroy']) {
      expect(Object.hasOwn(pool, method)).toBe(false)
    }
    pool.release(client)
    expect(pool.idle).toEqual([client])
  })
})

describe('the stack of a checkout that is over', () => {
  it('is dropped once a whole sweep has passed, however long the client was out, for each of its owners', async () => {
    const { pool, watched, pass } = watchToy()
    for (let owner = 0; owner < 3; owner += 1) {
      const client = await pool.acquire()
      const [checkout] = watched.record.out
      pass(10 * period)
      expect(checkout?.stack).toBeDefined()
      pool.release(client)
      pass(period)
      expect(checkout?.stack).toBeDefined()
      pass(period)
      expect(checkout?.stack).toBeUndefined()
    }
  })

  it('is dropped likewise if a remedy has destroyed the client, and the pool does not say that it drops it', async () => {
    const pool = new ToyPool(db.config, 1)
    const { drop } = ToyPool.prototype
    const host: PoolHost = { ...toyHost(pool), destroy: (client) => drop.call(pool, client as never) }
    const { watched, pass } = watch(host, () => pool.destroy(), {
      mode: 'enforce',
      remedies: { 'long-hold': 'destroy' },
      limits: { holdMillis: 1_000 },
    })
    const client = await pool.acquire()
    const [checkout] = watched.record.out
    pass(1_200)
    await eventually(() => expect(checkout?.phase).toBe('destroyed'))
    pass(2 * period)
    expect(checkout?.stack).toBeUndefined()
    pool.release(client)
  })

  it('is dropped likewise if the client was checked out and released past the guard', async () => {
    const unguarded = new pg.Pool({ ...db.config, max: 1 })
    const connect = unguarded.connect.bind(unguarded)
    const { watched, pass } = watch(pgPoolHost(unguarded as never), () => unguarded.end())
    const client = await connect()
    const { release } = client
    await client.query('SELECT 1')
    const [checkout] = watched.record.out
    pass(10 * period)
    expect(checkout?.stack).toBeDefined()
    Reflect.apply(release, client, [])
    expect(watched.record.out.size).toBe(0)
    pass(2 * period)
    expect(checkout?.stack).toBeUndefined()
  })
})
