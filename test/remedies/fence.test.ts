import pg from 'pg'
import Cursor from 'pg-cursor'
import { describe, expect, it } from 'vitest'
import { TransactionRolledBackError } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { hereLine } from '../support/guarded-pool.ts'
import { insert, rolledBack, useEnforcedPools } from './enforced-pools.ts'

const { enforced, notes } = useEnforcedPools()

describe('the fence of a transaction that was rolled back', () => {
  it('refuses each statement of the owner, in any shape of call, so that no row persists', async () => {
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

  it('refuses with an error that says why, where and what to do', async () => {
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
      /rolled back by pg-lifeguard .*enforced-pools\.ts:\d+:\d+.* until ROLLBACK or release/,
    )
    expect((error as Error).stack).toContain(`fence.test.ts:${line + 1}:`)
    client.release()
  })

  it('lets ROLLBACK through, which lifts it and resolves the finding', async () => {
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

  it('lets ROLLBACK through in every shape of call', async () => {
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

  it('is lifted by release, which resolves the finding and serves the next owner', async () => {
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

  it('holds even when the guard is taken off', async () => {
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

describe('the fence of a client released dirty', () => {
  it('refuses its old owner while it is rolled back', async () => {
    const guarded = enforced()
    const client = await guarded.pool.connect()
    await client.query('BEGIN')
    client.release()
    await expect(client.query(insert)).rejects.toBeInstanceOf(TransactionRolledBackError)
    await eventually(() => expect(guarded.pool.idleCount).toBe(1))
    expect(await notes()).toEqual([])
  })
})
