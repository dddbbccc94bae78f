import Cursor from 'pg-cursor'
import { describe, expect, it } from 'vitest'
import { SessionDestroyedError, TransactionRolledBackError } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool } from '../support/guarded-pool.ts'
import { insert, rolledBack, useEnforcedPools } from './enforced-pools.ts'

const { db, enforced, notes } = useEnforcedPools()

describe('a transaction that was left open is rolled back', () => {
  it('on the server, so that nobody waits for it any more', async () => {
    const guarded = enforced()
    const client = await rolledBack(guarded)
    expect((await db.sessions()).map(({ state }) => state)).toEqual(['idle'])
    expect(await notes()).toEqual([])
    client.release()
  })

  it('and the session is destroyed if it is still held one limit later', async () => {
    const guarded = enforced()
    const client = await rolledBack(guarded)
    const next = guarded.pool.connect()
    guarded.clock.advance(10_300)
    const owner = await next
    await eventually(() => expect(guarded.remedied).toMatchObject([{ outcome: 'destroyed' }]))
    expect(guarded.remedied[0]?.outcomeDetail).toBe('still held 10 s after the rollback')
    await expect(client.query('ROLLBACK')).rejects.toBeInstanceOf(SessionDestroyedError)
    expect(guarded.resolved.map(({ kind }) => kind)).toEqual(['pool-exhausted'])
    client.release()
    expect(() => client.release()).toThrow('already been released')
    expect(guarded.resolved[1]).toMatchObject({
      kind: 'idle-transaction',
      resolution: 'released after 20.6 s',
    })
    await owner.query('SELECT 1')
    owner.release()
    expect(guarded.pool).toMatchObject({ totalCount: 1, idleCount: 1 })
    expect(guarded.kinds()).toEqual(['idle-transaction', 'pool-exhausted', 'double-release'])
  })
})

describe('a busy client', () => {
  const busy = { remedies: { 'long-transaction': 'rollback' } } as const

  it('is cancelled first, and the statement in flight learns why', async () => {
    const guarded = enforced({}, busy)
    const client = await guarded.pool.connect()
    await client.query('BEGIN')
    const running = client.query('SELECT pg_sleep(30)').catch((error: unknown) => error)
    const queued = client.query(insert).catch((error: unknown) => error)
    await eventually(async () => expect(await db.sessions()).toMatchObject([{ state: 'active' }]))
    guarded.clock.advance(60_300)
    expect(await running).toMatchObject({
      code: 'LIFEGUARD_TRANSACTION_ROLLED_BACK',
      cause: expect.objectContaining({ code: '57014' }),
    })
    expect(await queued).toBeInstanceOf(TransactionRolledBackError)
    expect(await guarded.found('long-transaction')).toMatchObject({ outcome: 'rolled-back' })
    await client.query('ROLLBACK')
    client.release()
    expect(await notes()).toEqual([])
  })

  it('never has its next statement hit by the cancel, over many rounds', async () => {
    const guarded = enforced({}, busy)
    for (let round = 0; round < 60; round += 1) {
      const client = await guarded.pool.connect()
      await client.query('BEGIN')
      // Ends at about the time at which the cancel arrives: before it, with it or after it.
      const running = client.query(`SELECT pg_sleep(${(round % 12) * 0.0005})`).catch(() => undefined)
      guarded.clock.advance(60_300)
      await running
      await client.query('ROLLBACK')
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      client.release()
      expect((await guarded.pool.query('SELECT 2 AS two')).rows).toEqual([{ two: 2 }])
    }
  })

  it('is destroyed if a cursor is open, which cannot be cancelled', async () => {
    const guarded = enforced({}, busy)
    const client = await guarded.pool.connect()
    await client.query('BEGIN')
    const cursor = client.query(new Cursor('SELECT generate_series(1, 100)'))
    await cursor.read(2)
    guarded.clock.advance(60_300)
    expect(await guarded.found('long-transaction')).toMatchObject({
      outcome: 'destroyed',
      outcomeDetail: 'ROLLBACK failed: a cursor is open',
    })
    await expect(cursor.read(1)).rejects.toBeInstanceOf(SessionDestroyedError)
    client.release()
    await guarded.pool.query('SELECT 1')
  })
})

describe('a client released dirty', () => {
  it('is rolled back before the next owner gets it', async () => {
    const guarded = enforced()
    const client = await guarded.pool.connect()
    await client.query('BEGIN')
    await client.query("INSERT INTO items (note) VALUES ('before')")
    const next = guarded.pool.connect()
    client.release()
    const owner = await next
    await owner.query(insert)
    owner.release()
    expect(await notes()).toEqual(['after'])
    expect(guarded.findings).toMatchObject([
      { kind: 'dirty-release', remedy: 'rollback', outcome: 'rolled-back' },
    ])
    expect(guarded.resolved).toMatchObject([{ kind: 'dirty-release' }])
    expect(guarded.pool.totalCount).toBe(1)
  })

  it('through pool.query is rolled back, too', async () => {
    const guarded = enforced()
    await guarded.pool.query('BEGIN')
    await guarded.pool.query(insert)
    await guarded.pool.query('COMMIT')
    expect(await notes()).toEqual(['after'])
    expect(guarded.kinds()).toEqual(['dirty-release'])
  })

  it('after a script that failed is rolled back ahead of what the next owner has sent', async () => {
    const guarded = enforced()
    const client = await guarded.pool.connect()
    const next = guarded.pool.connect()
    await client.query(`BEGIN; ${insert}; SELECT 1/0`).catch(() => client.release())
    const owner = await next
    await owner.query("INSERT INTO items (note) VALUES ('next')")
    owner.release()
    expect(await notes()).toEqual(['next'])
    expect(await guarded.found('dirty-release')).toMatchObject({ outcome: 'rolled-back' })
    await guarded.cleared('dirty-release')
    expect(guarded.kinds()).toEqual(['dirty-release'])
  })
})

describe('observe', () => {
  it('never touches a client', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 }, { mode: 'observe' })
    const client = await guarded.pool.connect()
    await client.query('BEGIN')
    await client.query(insert)
    guarded.clock.advance(1_000_000)
    await client.query('COMMIT')
    client.release()
    expect(await notes()).toEqual(['after'])
    expect(
      guarded.findings.every(({ remedy, outcome }) => remedy === 'report' && outcome === undefined),
    ).toBe(true)
  })

  it('applies a remedy that is asked for by kind', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 }, { remedies: { 'idle-transaction': 'rollback' } })
    const client = await rolledBack(guarded)
    await expect(client.query(insert)).rejects.toBeInstanceOf(TransactionRolledBackError)
    client.release()
  })
})
