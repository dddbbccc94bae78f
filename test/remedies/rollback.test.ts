import type pg from 'pg'
import Cursor from 'pg-cursor'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SessionDestroyedError, TransactionRolledBackError } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { type GuardedPool, guardedPool } from '../support/guarded-pool.ts'
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
    client.release()
    await guarded.pool.query('SELECT 1')
  })
})

describe('a COMMIT that is in flight when the limit passes', () => {
  const busy = { remedies: { 'long-transaction': 'rollback' } } as const
  /** Makes COMMIT last until it is cancelled, and fail by that or not. */
  const slowCommit = (catches: boolean) => `
    CREATE OR REPLACE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_sleep(60); RETURN NULL; ${catches ? 'EXCEPTION WHEN query_canceled THEN RETURN NULL;' : ''} END $$;
    DROP TRIGGER IF EXISTS slowly ON items;
    CREATE CONSTRAINT TRIGGER slowly AFTER INSERT ON items DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION slowly()`

  afterEach(() => db.query('DROP TRIGGER IF EXISTS slowly ON items'))

  async function committing(guarded: GuardedPool) {
    const client = await guarded.pool.connect()
    await client.query('BEGIN')
    await client.query("INSERT INTO items (note) VALUES ('before')")
    const commit = client.query('COMMIT')
    await eventually(async () =>
      expect(await db.sessions()).toMatchObject([{ state: 'active', query: 'COMMIT' }]),
    )
    return { client, commit }
  }

  it('and succeeds is no rollback: the owner goes on as if nothing had been', async () => {
    await db.query(slowCommit(true))
    const guarded = enforced({}, busy)
    const { client, commit } = await committing(guarded)
    guarded.clock.advance(60_300)
    expect(await commit).toMatchObject({ command: 'COMMIT' })
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(await notes()).toEqual(['before'])
    const resolved = await guarded.cleared('long-transaction')
    expect(resolved).toMatchObject({ resolution: 'its transaction has ended' })
    expect(resolved).not.toHaveProperty('outcome')
    guarded.clock.advance(20_000)
    client.release()
    expect([guarded.pool.totalCount, guarded.remedied]).toEqual([1, []])
  })

  it('and succeeds lets what is queued behind it run', async () => {
    await db.query(slowCommit(true))
    const guarded = enforced({}, busy)
    const { client, commit } = await committing(guarded)
    const queued = client.query('SELECT 2 AS two')
    guarded.clock.advance(60_300)
    expect(await commit).toMatchObject({ command: 'COMMIT' })
    expect((await queued).rows).toEqual([{ two: 2 }])
    client.release()
  })

  it('and is cancelled is a rollback, and so is what is queued behind it', async () => {
    await db.query(slowCommit(false))
    const guarded = enforced({}, busy)
    const { client, commit } = await committing(guarded)
    const outcome = commit.catch((error: unknown) => error)
    const queued = client.query(insert).catch((error: unknown) => error)
    guarded.clock.advance(60_300)
    expect(await outcome).toBeInstanceOf(TransactionRolledBackError)
    expect(await queued).toBeInstanceOf(TransactionRolledBackError)
    await expect(client.query(insert)).rejects.toBeInstanceOf(TransactionRolledBackError)
    expect(await guarded.found('long-transaction')).toMatchObject({ outcome: 'rolled-back' })
    expect(await notes()).toEqual([])
    client.release()
  })

  it('is said to have ended as it did, over many races with the cancel', async () => {
    const guarded = enforced({}, busy)
    for (let round = 0; round < 40; round += 1) {
      const note = `round ${round}`
      const client = await guarded.pool.connect()
      await client.query('BEGIN')
      await client.query('INSERT INTO items (note) VALUES ($1)', [note])
      const commit = client.query('COMMIT').then(
        () => 'committed',
        (error: unknown) => error,
      )
      guarded.clock.advance(60_300)
      const answer = await commit
      expect((await notes()).includes(note)).toBe(answer === 'committed')
      if (answer === 'committed') expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      else expect(answer).toBeInstanceOf(TransactionRolledBackError)
      client.release()
      const outcomes = guarded.findings.filter(({ kind }) => kind === 'long-transaction').at(-1)?.outcome
      expect(outcomes).toBe(answer === 'committed' ? undefined : 'rolled-back')
    }
  })

  it('and is never answered is not said to have been rolled back', async () => {
    const proxy = await startProxy(db.config.port)
    try {
      const guarded = enforced({ port: proxy.port }, busy)
      const client = await guarded.pool.connect()
      await client.query('BEGIN')
      await client.query("INSERT INTO items (note) VALUES ('before')")
      proxy.freezeToClient()
      const commit = client.query('COMMIT').catch((error: unknown) => error)
      await eventually(async () => expect(await notes()).toEqual(['before']))
      guarded.clock.advance(60_300)
      await eventually(() => {
        guarded.clock.advance(1_000)
        const found = guarded.findings.find(({ kind }) => kind === 'long-transaction')
        expect(found).toMatchObject({ outcome: 'destroyed' })
      })
      proxy.thaw()
      expect(await commit).not.toBeInstanceOf(TransactionRolledBackError)
      client.release()
    } finally {
      await proxy.close()
    }
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
