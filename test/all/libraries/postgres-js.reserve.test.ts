import type postgres from 'postgres'
import { beforeEach, describe, expect, it } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { hereLine } from '../../support/guarded-pool.ts'
import { deferred, errorOf, guardedSql } from './guarded-sql.ts'

type Rest = Parameters<typeof guardedSql> extends [unknown, ...infer More] ? More : never

const db = useDatabase()
const guarded = (...args: Rest) => guardedSql(db, ...args)
beforeEach(() => db.query('TRUNCATE items'))

const bodies = async (sql: postgres.Sql) =>
  (await sql`SELECT note FROM items ORDER BY id`).map(({ note }) => note)

describe('a reserved connection', () => {
  it('that is never released is reported, at its line and in its scope', async () => {
    const { sql, lifeguard, found } = guarded()
    const line = hereLine(2)
    const reserved = await lifeguard.runInScope({ kind: 'job', name: 'forgets' }, async () => {
      const taken = await sql.reserve()
      return taken
    })
    expect(await found('outlived-scope')).toMatchObject({ scope: { name: 'forgets' }, origin: { line } })
    reserved.release()
  })

  it('that is released inside a transaction is reported', async () => {
    const { sql, findings, out } = guarded()
    const line = hereLine(1)
    const reserved = await sql.reserve()
    await reserved`BEGIN`
    await reserved`INSERT INTO items (note) VALUES ('left')`
    reserved.release()
    expect(findings).toMatchObject([{ kind: 'dirty-release', remedy: 'report', origin: { line } }])
    expect(out()).toEqual([])
    await sql`ROLLBACK`
  })

  it('that is released inside a transaction is rolled back before the next owner gets it', async () => {
    const { sql, found } = guarded({ mode: 'enforce' })
    const reserved = await sql.reserve()
    await reserved`BEGIN`
    await reserved`INSERT INTO items (note) VALUES ('not kept')`
    const next = sql`INSERT INTO items (note) VALUES ('kept')`
    reserved.release()
    await next
    expect(await found('dirty-release')).toMatchObject({ outcome: 'rolled-back' })
    expect(await bodies(sql)).toEqual(['kept'])
  })

  it('that is released with a failed script of its own is found in its transaction', async () => {
    const { sql, findings } = guarded()
    const reserved = await sql.reserve()
    await reserved.unsafe('BEGIN; INSERT INTO items (note) VALUES (1); SELECT 1/0').catch(() => {})
    reserved.release()
    expect(findings).toMatchObject([{ kind: 'dirty-release', checkout: { transaction: 'failed' } }])
    await sql`ROLLBACK`
  })

  it('whose COMMIT is answered by ROLLBACK is reported', async () => {
    const { sql, kinds } = guarded()
    const reserved = await sql.reserve()
    await reserved`BEGIN`
    await reserved`SELECT 1/0`.catch(() => {})
    await reserved`COMMIT`
    reserved.release()
    expect(kinds()).toEqual(['lost-commit'])
  })

  it.each([
    ['BEGIN', 'ROLLBACK TO SAVEPOINT a', 'open'],
    ['BEGIN', 'COMMIT AND CHAIN', 'open'],
    ['START TRANSACTION', 'END', 'idle'],
    ['BEGIN', "PREPARE TRANSACTION 'reserved'", 'idle'],
    ['SELECT 1', 'SELECT 2', 'idle'],
  ])('after %s and %s has the transaction that the server has', async (first, last, transaction) => {
    const { sql, out } = guarded({}, { max: 2 })
    const reserved = await sql.reserve()
    await reserved.unsafe(`/* first */ ${first}`)
    if (last.includes('SAVEPOINT')) await reserved`SAVEPOINT a`
    await reserved.unsafe(last)
    expect(out()).toMatchObject([{ transaction }])
    const [session] = await sql`SELECT state FROM pg_stat_activity WHERE pid = ${out()[0]?.pid ?? 0}`
    expect(session?.state).toBe(transaction === 'open' ? 'idle in transaction' : 'idle')
    if (last.startsWith('PREPARE')) await reserved`ROLLBACK PREPARED 'reserved'`
    if (transaction === 'open') await reserved`ROLLBACK`
    reserved.release()
  })

  it('that is rolled back while it is held refuses what follows, until its owner sends ROLLBACK', async () => {
    const { sql, found, out } = guarded({ mode: 'enforce' })
    const reserved = await sql.reserve()
    await reserved`BEGIN`
    await reserved`INSERT INTO items (note) VALUES ('not kept')`
    expect(await found('idle-transaction')).toMatchObject({ outcome: 'rolled-back' })
    const refused = await errorOf(reserved`INSERT INTO items (note) VALUES ('refused')`)
    expect(refused.code).toBe('LIFEGUARD_TRANSACTION_ROLLED_BACK')
    await reserved`ROLLBACK`
    await reserved`INSERT INTO items (note) VALUES ('kept')`
    reserved.release()
    expect(await bodies(sql)).toEqual(['kept'])
    expect(out()).toEqual([])
  })

  it('of a known session sends nothing of its own', async () => {
    const sent: string[] = []
    const { sql, out } = guarded({}, { debug: (_id, text) => sent.push(text) })
    for (const round of ['first', 'second', 'third']) {
      const reserved = await sql.reserve()
      await reserved`SELECT ${round}::text AS round`
      expect(out()).toMatchObject([{ pid: expect.any(Number), queryCount: 1 }])
      reserved.release()
      if (round === 'first') sent.length = 0
    }
    expect(sent).toEqual(['SELECT $1::text AS round', 'SELECT $1::text AS round'])
  })

  it('that is destroyed frees its slot; its release comes late and does nothing', async () => {
    const { sql, found, out, kinds } = guarded({ mode: 'enforce', remedies: { 'long-hold': 'destroy' } })
    const reserved = await sql.reserve()
    await reserved`SELECT 1`
    const next = sql`SELECT 2 AS b`
    expect(await found('long-hold')).toMatchObject({ outcome: 'destroyed' })
    expect(await next).toEqual([{ b: 2 }])
    expect((await errorOf(reserved`SELECT 3`)).code).toBe('LIFEGUARD_SESSION_DESTROYED')
    reserved.release()
    expect(await sql`SELECT 4 AS d`).toEqual([{ d: 4 }])
    expect(out()).toEqual([])
    expect(kinds()).toEqual(['long-hold'])
  })

  it('that is released twice does not free that of another owner in enforce', async () => {
    const { sql, kinds, out } = guarded({ mode: 'enforce' })
    const first = await sql.reserve()
    first.release()
    const second = await sql.reserve()
    await second`SELECT 1`
    first.release()
    expect(kinds()).toEqual(['double-release'])
    expect(out()).toHaveLength(1)
    const waiting = sql`SELECT 2`
    second.release()
    await waiting
  })

  it('that is released with a statement running is reported', async () => {
    const { sql, kinds } = guarded()
    const reserved = await sql.reserve()
    const running = reserved`SELECT pg_sleep(0.2)`.execute()
    await eventually(async () => expect(await db.sessions()).toMatchObject([{ state: 'active' }]))
    reserved.release()
    await running
    expect(kinds()).toEqual(['busy-release'])
  })

  it('may leave nothing in its session', async () => {
    const { sql, findings } = guarded({ sessionState: {} })
    const reserved = await sql.reserve()
    const line = hereLine(1)
    await reserved`SET application_name = 'left'`
    reserved.release()
    expect(findings).toMatchObject([
      { kind: 'session-state', left: [expect.stringContaining('application_name')], eventOrigin: { line } },
    ])
  })

  it.each(['reserve', 'begin'])('or transaction is looked at by query: %s', async (how) => {
    const { sql, findings, out, clock } = guarded({ mode: 'enforce', sessionState: { verify: true } })
    if (how === 'reserve') {
      const reserved = await sql.reserve()
      await reserved`SET application_name = 'left'`
      reserved.release()
    } else await sql.begin((tx) => tx`SET application_name = 'left'`)
    const [row] = await sql`SELECT current_setting('application_name') AS name`
    expect(row).toEqual({ name: 'postgres.js' })
    await eventually(() => expect(findings).toMatchObject([{ kind: 'session-state' }]))
    expect(await sql.begin((tx) => tx`SELECT 1 AS a`)).toEqual([{ a: 1 }])
    await eventually(() => expect(out()).toEqual([]))
    clock.advance(60_000)
    expect(findings).toHaveLength(1)
  })

  it('whose session the server ends is over; its statements are rejected, and its release does nothing', async () => {
    const { sql, out, found, kinds } = guarded()
    const reserved = await sql.reserve()
    await reserved`SELECT 1`
    await db.terminate(out()[0]?.pid ?? 0)
    await found('session-killed')
    expect(out()).toEqual([])
    expect((await errorOf(reserved`SELECT 2`)).code).toBe('CONNECTION_CLOSED')
    reserved.release()
    expect(await sql`SELECT 3 AS c`).toEqual([{ c: 3 }])
    expect(kinds()).toEqual(['session-killed'])
  })

  it('may be exempt, as may a transaction', async () => {
    const { sql, lifeguard, clock, findings } = guarded({}, { max: 2 })
    const reserved = await sql.reserve()
    lifeguard.exempt(reserved, 'holds an advisory lock')
    const stuck = deferred()
    const open = sql.begin(async (tx) => {
      lifeguard.exempt(tx, 'a long report')
      await stuck.promise
    })
    await eventually(() => expect(lifeguard.snapshot().checkouts).toHaveLength(2))
    clock.advance(600_000)
    expect(findings).toEqual([])
    stuck.resolve()
    await open
    reserved.release()
  })
})

describe('the pool of postgres.js', () => {
  it('says what it knows, and nothing of open and idle connections', async () => {
    const { sql, lifeguard, found } = guarded({}, { max: 1 })
    const reserved = await sql.reserve()
    const waiting = sql.reserve()
    await eventually(() => expect(lifeguard.snapshot().pools[0]?.waiting).toBe(1))
    expect(lifeguard.snapshot().pools).toEqual([{ name: 'main', max: 1, out: 1, waiting: 1, ending: false }])
    expect((await found('pool-exhausted')).hint).toContain('1 of 1 client is checked out')
    reserved.release()
    ;(await waiting).release()
  })

  it('that is ended while a transaction is open says so', async () => {
    const { sql, found, out } = guarded()
    const stuck = deferred()
    const open = sql.begin(async (tx) => {
      await stuck.promise
      return tx`SELECT 1 AS a`
    })
    await eventually(() => expect(out()).toHaveLength(1))
    const ended = sql.end()
    expect((await found('blocked-shutdown')).hint).toContain('pool.end() has been waiting')
    stuck.resolve()
    expect(await open).toEqual([{ a: 1 }])
    await ended
  })

  it('names its connections and tags what is not prepared', async () => {
    const { sql } = guarded(
      { tag: { application: 'orders', connections: true, statements: true } },
      { max: 2 },
    )
    await sql.begin(async (tx) => {
      const [session] = await db.sessions()
      expect(session?.application_name).toMatch(/^orders/)
      expect(session?.query).toMatch(/^begin.*\/\*.*application='orders'.*\*\/$/)
      await tx.unsafe('SELECT 1')
      expect((await db.sessions())[0]?.query).toMatch(/^SELECT 1 \/\*.*postgres-js/)
      await tx`SELECT ${2}::int`
      expect((await db.sessions())[0]?.query).toBe('SELECT $1::int')
    })
  })

  it('works on unguarded after unwatch, also those that were out', async () => {
    const { sql, unwatch, lifeguard, findings } = guarded({ mode: 'enforce' }, { max: 2 })
    const reserved = await sql.reserve()
    const stuck = deferred()
    const open = sql.begin(async (tx) => {
      await stuck.promise
      return tx`SELECT 1 AS a`
    })
    await eventually(() => expect(lifeguard.snapshot().checkouts).toHaveLength(2))
    const { begin, reserve, end } = sql
    unwatch()
    expect(sql.begin).not.toBe(begin)
    expect(sql.reserve).not.toBe(reserve)
    expect(sql.end).not.toBe(end)
    expect(Object.keys(sql)).toEqual(expect.arrayContaining(['begin', 'reserve', 'end']))
    stuck.resolve()
    expect(await open).toEqual([{ a: 1 }])
    expect(await reserved`SELECT 2 AS b`).toEqual([{ b: 2 }])
    reserved.release()
    await Promise.all([1, 2, 3].map((n) => sql.begin((tx) => tx`SELECT ${n}::int`)))
    expect(findings).toEqual([])
    expect(lifeguard.snapshot().pools).toEqual([])
  })

  it('is not watched by the sql of one transaction', async () => {
    const { sql, lifeguard } = guarded()
    await sql.begin(async (tx) => {
      expect(() => lifeguard.watch(tx as unknown as postgres.Sql)).toThrow('watch the sql that it comes from')
    })
  })
})
