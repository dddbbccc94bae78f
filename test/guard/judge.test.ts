import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Scope } from '../../src/core/scope.ts'
import { Announcer } from '../../src/guard/announcer.ts'
import { Enforcer } from '../../src/guard/enforcer.ts'
import { Judge } from '../../src/guard/judge.ts'
import { resolveOptions } from '../../src/options.ts'
import { pretendedPool } from '../core/pretended-pool.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

describe('a sweep', () => {
  it('reports what has passed its limit, once', async () => {
    const { pool, clock, kinds } = guardedPool(
      { ...db.config, max: 2 },
      { limits: { scopeGraceMillis: false } },
    )
    const client = await pool.connect()
    clock.advance(29_000)
    expect(kinds()).toEqual([])
    clock.advance(1_300)
    expect(kinds()).toEqual(['long-hold'])
    clock.advance(600_000)
    expect(kinds()).toEqual(['long-hold'])
    client.release()
  })

  it('has no rule for a limit that is switched off', async () => {
    const limits = {
      idleTransactionMillis: false,
      transactionMillis: false,
      holdMillis: false,
      scopeGraceMillis: false,
    } as const
    const { pool, clock, lifeguard, kinds } = guardedPool({ ...db.config, max: 1 }, { limits })
    const client = await lifeguard.runInScope({ kind: 'job', name: 'leaky' }, () => pool.connect())
    await client.query('BEGIN')
    clock.advance(3_600_000)
    expect(kinds()).toEqual([])
    await client.query('COMMIT')
    client.release()
  })

  it('spares an exempted client, until its pool is ended', async () => {
    const { pool, clock, lifeguard, kinds, resolved } = guardedPool({ ...db.config, max: 1 })
    const client = await pool.connect()
    clock.advance(31_000)
    lifeguard.exempt(client, 'by design')
    expect(resolved).toMatchObject([{ kind: 'long-hold', resolution: 'exempted: by design' }])
    await client.query('BEGIN')
    clock.advance(600_000)
    expect(kinds()).toEqual(['long-hold'])
    const ended = pool.end()
    clock.advance(2_000)
    expect(kinds()).toEqual(['long-hold', 'blocked-shutdown'])
    await client.query('ROLLBACK')
    client.release()
    await ended
  })

  it('judges the next transaction of a checkout anew', async () => {
    const { pool, clock, kinds, resolved } = guardedPool(
      { ...db.config, max: 1 },
      { limits: { holdMillis: false } },
    )
    const client = await pool.connect()
    for (const _ of [1, 2]) {
      await client.query('BEGIN')
      clock.advance(11_000)
      await client.query('COMMIT')
    }
    expect(kinds()).toEqual(['idle-transaction', 'idle-transaction'])
    expect(resolved.map(({ resolution }) => resolution)).toEqual([
      'its transaction has ended',
      'its transaction has ended',
    ])
    client.release()
  })
})

describe('a client that is held by design', () => {
  it('needs no exemption if it listens outside a transaction', async () => {
    const { pool, clock, kinds } = guardedPool({ ...db.config, max: 1 })
    const client = await pool.connect()
    await client.query('LISTEN orders')
    clock.advance(3_600_000)
    expect(kinds()).toEqual([])
    await client.query('SELECT 1 AS keepalive')
    clock.advance(3_600_000)
    expect(kinds()).toEqual([])
    await client.query('UNLISTEN orders')
    clock.advance(1_000)
    expect(kinds()).toEqual(['long-hold'])
    client.release()
  })

  it('is not passed on to a caller of its scope that waits, if it listens', async () => {
    const { pool, clock, lifeguard, kinds } = guardedPool(
      { ...db.config, max: 2 },
      { limits: { acquireWaitMillis: false } },
    )
    const other = await pool.connect()
    await lifeguard.runInScope({ kind: 'job', name: 'worker' }, async () => {
      const listener = await pool.connect()
      await listener.query('LISTEN orders')
      const waiting = pool.query('SELECT 1')
      clock.advance(2_000)
      other.release()
      await waiting
      listener.release(true)
    })
    expect(kinds()).toEqual([])
  })

  it('is suspected if it was checked out for a request that is over', async () => {
    const { pool, clock, lifeguard, kinds, findings } = guardedPool({ ...db.config, max: 1 })
    await lifeguard.runInScope({ kind: 'request', name: 'GET /events' }, async () => {
      await (await pool.connect()).query('LISTEN orders')
    })
    clock.advance(2_000)
    expect(kinds()).toEqual(['outlived-scope'])
    expect(findings[0]?.certainty).toBe('suspected')
    expect(findings[0]?.hint).toMatch(
      /its session still listens: if it is to do so for longer than the request, exempt it/,
    )
  })

  it('is named by the option exempt, by statement, origin or scope', async () => {
    const { pool, clock, lifeguard, findings } = guardedPool(
      { ...db.config, max: 3 },
      {
        exempt: [
          { statement: /pg_advisory_lock\(/, reason: 'leader election' },
          { scope: 'queue worker', reason: 'one client for each worker' },
        ],
      },
    )
    const leader = await pool.connect()
    await leader.query('SELECT pg_advisory_lock(1)')
    const worker = await lifeguard.runInScope({ kind: 'job', name: 'queue worker' }, () => pool.connect())
    const other = await pool.connect()
    clock.advance(3_600_000)
    expect(findings.map(({ kind, checkout }) => [kind, checkout.id])).toEqual([['long-hold', 3]])
    await leader.query('SELECT pg_advisory_unlock(1)')
    clock.advance(1_000)
    expect(findings.map(({ checkout }) => checkout.id)).toEqual([3, 1])
    for (const client of [leader, worker, other]) client.release()
  })

  it.each<[unknown, string]>([
    ['LISTEN', 'exempt must be an array of rules'],
    [[{ reason: 'all' }], 'exempt[0] must have a statement, an origin or a scope'],
    [[{ scope: 'worker' }], 'exempt[0].reason must be a string that says why'],
    [[{ scope: '', reason: 'x' }], 'exempt[0].scope must be'],
    [[{ query: 'x', reason: 'x' }], 'unknown option exempt[0].query'],
  ])('is not named by %o', (exempt, message) => {
    expect(() => guardedPool(db.config, { exempt } as never)).toThrow(message)
  })
})

describe('a sweep over very many', () => {
  /** A pretended pool with its judge. */
  function judged() {
    const pretended = pretendedPool()
    const announcer = new Announcer([])
    const settings = resolveOptions({ reporters: [] })
    const enforcer = new Enforcer(settings, pretended.ledger, announcer)
    const judge = new Judge(settings, pretended.ledger, announcer, enforcer)
    const found: string[] = []
    announcer.on('finding', ({ kind }) => found.push(kind))
    return { ...pretended, judge, found }
  }

  /** Returns how often a scope was compared with another one since then. */
  function comparisons() {
    const spy = vi.spyOn(Scope.prototype, 'encloses')
    onTestFinished(() => spy.mockRestore())
    return () => spy.mock.calls.length
  }

  it('may be interrupted after each finding', () => {
    const { judge, clock, checkOut, found } = judged()
    for (let n = 0; n < 3; n += 1) checkOut('/app/users.ts:1:1')
    clock.advance(31_000)
    const reported = Array.from(judge.sweep(), () => found.length)
    expect(reported).toEqual([0, 1, 2, 3])
  })

  it('may be interrupted after each finding about a caller that waits', () => {
    const { judge, clock, checkOut, wait, found } = judged()
    for (const name of ['one', 'two']) {
      const scope = new Scope({ kind: 'job', name }, undefined)
      checkOut('/app/users.ts:1:1', { scope })
      wait('/app/users.ts:2:1', scope)
    }
    clock.advance(1000)
    const reported = Array.from(judge.sweep(), () => found.length)
    expect(found).toEqual(['nested-acquire', 'nested-acquire'])
    expect(reported).toEqual([0, 1, 2])
  })

  it('does not judge those that were released in the meantime', () => {
    const { judge, clock, ledger, checkOut, found } = judged()
    checkOut()
    const second = checkOut()
    clock.advance(31_000)
    const sweep = judge.sweep()
    sweep.next()
    sweep.next()
    expect(found).toEqual(['long-hold'])
    ledger.closed(second, false)
    expect(Array.from(sweep)).toEqual([])
    expect(found).toEqual(['long-hold'])
  })

  it('does not compare each caller that waits with each holder', () => {
    const { judge, clock, checkOut, wait } = judged()
    const holds = () => new Scope({ kind: 'job', name: 'holds' }, undefined)
    for (let n = 0; n < 100; n += 1) checkOut(undefined, { scope: holds(), work: 'query' })
    for (let n = 0; n < 500; n += 1) wait(undefined, new Scope({ kind: 'job', name: 'waits' }, undefined))
    clock.advance(1000)
    const compared = comparisons()
    Array.from(judge.sweep())
    expect(compared()).toBeLessThan(600)
  })

  it('does not compare them for a deadlock that is not complete', () => {
    const { judge, clock, checkOut, wait, pool, found } = judged()
    pool.gauge = () => ({ total: 100, idle: 0, waiting: 0, max: 100 })
    const scopes = Array.from({ length: 100 }, () => new Scope({ kind: 'job', name: 'holds' }, undefined))
    for (const scope of scopes) checkOut(undefined, { scope })
    // All but one, the first holders last.
    for (const scope of scopes.slice(0, -1).toReversed()) wait(undefined, scope)
    clock.advance(1000)
    Array.from(judge.sweep())
    const compared = comparisons()
    Array.from(judge.sweep())
    expect(compared()).toBeLessThan(200)
    expect(found).not.toContain('pool-deadlock')
  })
})
