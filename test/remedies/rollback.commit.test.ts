import { afterEach, describe, expect, it } from 'vitest'
import { TransactionRolledBackError } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import type { GuardedPool } from '../support/guarded-pool.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { insert, useEnforcedPools } from './enforced-pools.ts'

const { db, enforced, notes } = useEnforcedPools()

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
