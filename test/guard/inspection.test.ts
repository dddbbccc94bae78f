import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { internalsOf } from '../../src/guard/internals.ts'
import { useDatabase } from '../support/database.ts'
import { type GuardedPool, guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()

function inspectorOf({ lifeguard }: Pick<GuardedPool, 'lifeguard'>) {
  const internals = internalsOf(lifeguard)
  if (internals === undefined) throw new Error('a lifeguard has internals')
  return internals.inspector
}

const none = () => false

describe('the inspection of a scope', () => {
  it('finds what the scope has left behind, and nothing of another one', async () => {
    const guarded = guardedPool({ ...db.config, max: 2 })
    const inspector = inspectorOf(guarded)
    const [one, two] = ['one', 'two'].map((name) => inspector.openScope({ kind: 'test', name }))
    await one?.run(() => guarded.pool.connect())
    one?.end('passed')
    two?.end('passed')
    expect([one?.pending(), two?.pending()]).toEqual([true, false])
    expect(await two?.conclude(none)).toEqual([])
    expect(await one?.conclude(none)).toMatchObject([{ kind: 'outlived-scope', scope: { name: 'one' } }])
    expect(one?.pending()).toBe(false)
  })

  it('has the leaks that were found while it ran', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 })
    const scope = inspectorOf(guarded).openScope({ kind: 'test', name: 'dirty' })
    await scope.run(async () => {
      const client = await guarded.pool.connect()
      await client.query('BEGIN')
      client.release()
    })
    scope.end('passed')
    expect(await scope.conclude(none)).toMatchObject([{ kind: 'dirty-release' }])
    await guarded.pool.query('ROLLBACK')
  })

  it('accuses nobody of what is allowed, and takes it back all the same', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 })
    const inspector = inspectorOf(guarded)
    const scope = inspector.openScope({ kind: 'test', name: 'leaky' })
    const client = await scope.run(async () => {
      expect(inspector.allow()).toBe(true)
      return await guarded.pool.connect()
    })
    scope.end('passed')
    expect(await scope.conclude(none)).toEqual([])
    expect(guarded.pool.totalCount).toBe(0)
    client.release()
    expect(inspector.allow()).toBe(false)
  })
})

describe('the inspection of everything', () => {
  it('does not report what the inspection of a scope has reported', async () => {
    const guarded = guardedPool({ ...db.config, max: 2 })
    const inspector = inspectorOf(guarded)
    const scope = inspector.openScope({ kind: 'test', name: 'leaky' })
    await scope.run(() => guarded.pool.connect())
    await scope.conclude(none)
    await guarded.pool.connect()
    const everything = inspector.everything()
    expect(everything.pending()).toBe(true)
    expect(await everything.conclude(none)).toHaveLength(1)
    expect(await everything.conclude(none)).toEqual([])
  })
})

describe('an inspector', () => {
  it('knows the pools, where they came under watch, and what was out already', async () => {
    const pool = new pg.Pool(db.config)
    const client = await pool.connect()
    const line = hereLine()
    const guarded = guardedPool({}, {}, pool)
    onTestFinished(() => client.release())
    expect(inspectorOf(guarded).pools()).toMatchObject([
      { name: 'main', unseen: 1, ending: false, connections: 1, origin: { frames: expect.any(Array) } },
    ])
    const frames = inspectorOf(guarded).pools()[0]?.origin?.frames ?? []
    expect(frames.some((frame) => frame.file === import.meta.filename && frame.line === line + 1)).toBe(true)
  })

  it('knows the last hundred pools of a program that keeps making them', () => {
    const guarded = guardedPool({ ...db.config, max: 1 })
    for (let n = 0; n < 100; n += 1) guarded.lifeguard.watch(new pg.Pool(db.config), { name: `made ${n}` })
    const names = inspectorOf(guarded)
      .pools()
      .map(({ name }) => name)
    expect(names).toEqual(Array.from({ length: 100 }, (_, n) => `made ${n}`))
  })

  it('knows a pool that has ended without keeping it', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 })
    const { pool, clock, lifeguard } = guarded
    await pool.query('SELECT 1')
    await pool.end()
    clock.advance(200)
    const before = inspectorOf(guarded).pools()
    const another = new pg.Pool(db.config)
    lifeguard.watch(another, { name: 'another' })
    let reads = 0
    Object.defineProperty(pool, 'totalCount', { get: () => (reads += 1) })
    expect(inspectorOf(guarded).pools()).toMatchObject([...before, { name: 'another' }])
    expect(before).toMatchObject([{ name: 'main', ending: true, connections: 0 }])
    expect(reads).toBe(0)
  })

  it('has clean-up enforced in observe, too', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 })
    inspectorOf(guarded).enforceCleanUp()
    const client = await guarded.pool.connect()
    await client.query('BEGIN')
    client.release()
    expect(await guarded.found('dirty-release')).toMatchObject({ outcome: 'rolled-back' })
  })

  it('knows how many clients were out when the lifeguard was closed', async () => {
    const guarded = guardedPool({ ...db.config, max: 2 })
    const inspector = inspectorOf(guarded)
    const client = await guarded.pool.connect()
    expect(inspector.outAtClose).toBeUndefined()
    await guarded.lifeguard.close()
    expect(inspector.outAtClose).toBe(1)
    client.release()
  })
})
