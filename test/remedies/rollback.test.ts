import pg from 'pg'
import Cursor from 'pg-cursor'
import { beforeEach, describe, expect, it } from 'vitest'
import { SessionDestroyedError, TransactionRolledBackError } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { type GuardedPool, guardedPool, hereLine } from '../support/guarded-pool.ts'
import { startProxy } from '../support/tcp-proxy.ts'

const db = useDatabase()

beforeEach(async () => {
  await db.query('TRUNCATE items')
})

function enforced(
  poolOptions: pg.PoolConfig = {},
  options: Parameters<typeof guardedPool>[1] = {},
): GuardedPool {
  return guardedPool({ ...db.config, max: 1, ...poolOptions }, { mode: 'enforce', ...options })
}

/** A client whose transaction was left open and has been rolled back by the guard. */
async function rolledBack(guarded: GuardedPool): Promise<pg.PoolClient> {
  const client = await guarded.pool.connect()
  await client.query('BEGIN')
  await client.query("INSERT INTO items (note) VALUES ('before')")
  guarded.clock.advance(10_300)
  expect(await guarded.found('idle-transaction')).toMatchObject({
    remedy: 'rollback',
    outcome: 'rolled-back',
  })
  return client
}

async function notes(): Promise<string[]> {
  const { rows } = await db.query<{ note: string }>('SELECT note FROM items ORDER BY id')
  return rows.map(({ note }) => note)
}

const insert = "INSERT INTO items (note) VALUES ('after')"

describe('a transaction that was left open is rolled back', () => {
  it('on the server, so that nobody waits for it any more', async () => {
    const guarded = enforced()
    const client = await rolledBack(guarded)
    expect((await db.sessions()).map(({ state }) => state)).toEqual(['idle'])
    expect(await notes()).toEqual([])
    client.release()
  })

  it('and no statement of the owner persists a row afterwards, in any shape of call', async () => {
    const guarded = enforced()
    const client = await rolledBack(guarded)
    const refused = await Promise.all([
      client.query(insert).catch((error: unknown) => error),
      client.query({ text: insert }).catch((error: unknown) => error),
      client.query({ text: insert, name: 'named' }).catch((error: unknown) => error),
      client.query('INSERT INTO items (note) VALUES ($1)', ['after']).catch((error: unknown) => error),
      new Promise((resolve) => client.query(insert, (error: Error) => resolve(error))),
      new Promise((resolve) => client.query(insert, [], (error: Error) => resolve(error))),
      new Promise((resolve) =>
        client.query({ text: insert, callback: (error: Error) => resolve(error) } as pg.QueryConfig),
      ),
      new Promise((resolve) => client.query(new pg.Query(insert)).on('error', resolve)),
      new Promise((resolve) => {
        const query = new pg.Query(insert) as pg.Query & { callback: unknown }
        query.callback = resolve
        client.query(query)
      }),
      new Promise((resolve) => client.query(new Cursor(insert)).read(1, resolve)),
      client.query('COMMIT').catch((error: unknown) => error),
      client.query('BEGIN').catch((error: unknown) => error),
      client.query(`ROLLBACK; ${insert}`).catch((error: unknown) => error),
      client.query('ROLLBACK TO SAVEPOINT one').catch((error: unknown) => error),
    ])
    for (const error of refused) expect(error).toBeInstanceOf(TransactionRolledBackError)
    client.release()
    expect(await notes()).toEqual([])
  })

  it('and the error says why, where and what to do', async () => {
    const guarded = enforced()
    const client = await rolledBack(guarded)
    const line = hereLine()
    const error = await client.query('COMMIT').catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'LIFEGUARD_TRANSACTION_ROLLED_BACK',
      name: 'TransactionRolledBackError',
      finding: { id: guarded.findings[0]?.id, kind: 'idle-transaction' },
    })
    expect((error as Error).message).toMatch(
      /rolled back by pg-lifeguard .*rollback\.test\.ts:\d+:\d+.* until ROLLBACK or release/,
    )
    expect((error as Error).stack).toContain(`rollback.test.ts:${line + 1}:`)
    client.release()
  })

  it('and ROLLBACK is accepted, lifts the fence and resolves the finding', async () => {
    const guarded = enforced()
    const client = await rolledBack(guarded)
    expect(guarded.resolved).toEqual([])
    expect(await client.query('ROLLBACK')).toMatchObject({ command: 'ROLLBACK' })
    expect(guarded.resolved).toMatchObject([
      { kind: 'idle-transaction', resolution: 'its owner sent ROLLBACK' },
    ])
    await client.query(insert)
    client.release()
    expect(await notes()).toEqual(['after'])
    guarded.clock.advance(100_000)
    expect(guarded.kinds()).toEqual(['idle-transaction'])
  })

  it('and ROLLBACK is accepted in every shape of call', async () => {
    for (const send of [
      (client: pg.PoolClient) => client.query({ text: 'rollback' }),
      (client: pg.PoolClient) =>
        new Promise<pg.QueryResult>((resolve, reject) =>
          client.query(' ROLLBACK WORK; -- done', (error: Error | null, result: pg.QueryResult) =>
            error ? reject(error) : resolve(result),
          ),
        ),
      (client: pg.PoolClient) =>
        new Promise<pg.QueryResult>((resolve) => client.query(new pg.Query('ABORT')).on('end', resolve)),
    ]) {
      const guarded = enforced()
      const client = await rolledBack(guarded)
      expect(await send(client)).toMatchObject({ command: 'ROLLBACK' })
      await client.query('SELECT 1')
      client.release()
    }
  })

  it('and release lifts the fence, resolves the finding and serves the next owner', async () => {
    const guarded = enforced()
    const client = await rolledBack(guarded)
    const next = guarded.pool.connect()
    client.release()
    const owner = await next
    expect(guarded.resolved).toMatchObject([
      { kind: 'idle-transaction', resolution: expect.stringMatching(/^released/) },
    ])
    await owner.query(insert)
    owner.release()
    expect(await notes()).toEqual(['after'])
    expect(guarded.pool).toMatchObject({ totalCount: 1, idleCount: 1, waitingCount: 0 })
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

  it('and the fence holds even when the guard is taken off', async () => {
    const guarded = enforced()
    const client = await rolledBack(guarded)
    await guarded.lifeguard.close()
    await expect(client.query(insert)).rejects.toBeInstanceOf(TransactionRolledBackError)
    client.release()
    await eventually(() => expect(guarded.pool.idleCount).toBe(1))
    const next = await guarded.pool.connect()
    expect(Object.hasOwn(next, 'query')).toBe(false)
    await next.query(insert)
    next.release()
    expect(await notes()).toEqual(['after'])
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
    client.release()
    await guarded.pool.query('SELECT 1')
  })
})

describe('a remedy that fails', () => {
  it('is bounded when ROLLBACK hangs, and still frees the slot', async () => {
    const proxy = await startProxy(db.config.port)
    try {
      const guarded = enforced({ port: proxy.port })
      const client = await guarded.pool.connect()
      await client.query('BEGIN')
      await client.query("INSERT INTO items (note) VALUES ('before')")
      proxy.freeze()
      guarded.clock.advance(10_300)
      expect(guarded.pool.totalCount).toBe(1)
      // The bounds on ROLLBACK and on the cancel request each count from the next turn of the event loop.
      await eventually(() => {
        guarded.clock.advance(500)
        expect(guarded.pool.totalCount).toBe(0)
      })
      proxy.thaw()
      const next = await guarded.pool.connect()
      expect(guarded.findings).toMatchObject([
        {
          kind: 'idle-transaction',
          outcome: 'destroyed',
          outcomeDetail: 'ROLLBACK failed: no answer within 2 s',
        },
      ])
      await expect(client.query(insert)).rejects.toBeInstanceOf(SessionDestroyedError)
      client.release()
      next.release()
      guarded.clock.advance(2_000)
      await eventually(async () => expect(await notes()).toEqual([]))
    } finally {
      await proxy.close()
    }
  })

  it('still frees the slot when the connection is lost under it', async () => {
    const proxy = await startProxy(db.config.port)
    try {
      const guarded = enforced({ port: proxy.port })
      const client = await guarded.pool.connect()
      await client.query('BEGIN')
      proxy.freeze()
      guarded.clock.advance(10_300)
      proxy.cut()
      await eventually(() => expect(guarded.pool.totalCount).toBe(0))
      proxy.thaw()
      await guarded.pool.query('SELECT 1')
      client.release()
      expect(guarded.pool).toMatchObject({ totalCount: 1, idleCount: 1 })
    } finally {
      await proxy.close()
    }
  })

  it('does not keep a release that comes while it is at work', async () => {
    const proxy = await startProxy(db.config.port)
    try {
      const guarded = enforced({ port: proxy.port })
      const client = await guarded.pool.connect()
      await client.query('BEGIN')
      proxy.freeze()
      guarded.clock.advance(10_300)
      client.release()
      expect(() => client.release()).toThrow('already been released')
      expect(guarded.pool.idleCount).toBe(0)
      proxy.thaw()
      await eventually(() => expect(guarded.pool.idleCount).toBe(1))
      await guarded.pool.query(insert)
      expect(await notes()).toEqual(['after'])
    } finally {
      await proxy.close()
    }
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

  it('cannot be used by its old owner while it is rolled back', async () => {
    const guarded = enforced()
    const client = await guarded.pool.connect()
    await client.query('BEGIN')
    client.release()
    await expect(client.query(insert)).rejects.toBeInstanceOf(TransactionRolledBackError)
    await eventually(() => expect(guarded.pool.idleCount).toBe(1))
    expect(await notes()).toEqual([])
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
