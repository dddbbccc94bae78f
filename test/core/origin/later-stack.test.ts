import { compileFunction } from 'node:vm'
import knexModule from 'knex'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { withLaterStack } from '../../../src/core/origin/later-stack.ts'
import { abandonAfterTest, guard } from '../../support/bare-twin.ts'
import { useDatabase } from '../../support/database.ts'
import { hereLine } from '../../support/guarded-pool.ts'
import { pretendedPool } from '../pretended-pool.ts'

const db = useDatabase()

/** A pool whose one client is out, and a guard that reports a caller that waits. */
async function full() {
  const pool = abandonAfterTest(new pg.Pool({ ...db.config, max: 1 }))
  const guarded = guard(pool, { limits: { acquireWaitMillis: 1_000 } })
  const holder = await pool.connect()
  return { pool, holder, ...guarded }
}

describe('the line of a caller that waits', () => {
  it('of pool.query is that of the call', async () => {
    const { pool, holder, clock, findings } = await full()
    const waiting = pool.query('SELECT 1')
    const line = hereLine(-1)
    clock.advance(1_200)
    expect(findings).toMatchObject([
      {
        kind: 'pool-exhausted',
        checkout: { via: 'pool.query' },
        origin: { file: import.meta.filename, line },
      },
    ])
    holder.release()
    await waiting
  })

  it('of a builder that starts when it is awaited is that of the function which awaits it', async () => {
    const { pool, holder, clock, findings } = await full()
    // In the manner of query builders: the statement is sent in a job of its own, where no frame of the user is left.
    const build = compileFunction(
      'return { then: (resolve, reject) => pool.query(statement).then(resolve, reject) }',
      ['pool', 'statement'],
      { filename: '/app/node_modules/builder/index.js' },
    ) as (pool: pg.Pool, statement: string) => PromiseLike<pg.QueryResult>
    async function showOrder() {
      return await build(pool, 'SELECT 1 AS one')
    }
    const waiting = showOrder()
    for (let job = 0; job < 30; job += 1) await undefined
    clock.advance(1_200)
    expect(findings).toMatchObject([{ origin: { file: import.meta.filename, functionName: 'showOrder' } }])
    holder.release()
    expect((await waiting).rows).toEqual([{ one: 1 }])
  })

  it('of Knex on a pool of pg is that of the user', async () => {
    const { pool, holder, clock, findings } = await full()
    const knex = knexModule({ client: 'pg', connectionPool: pool } as never)
    async function showOrder() {
      return await knex.raw('SELECT 1 AS one')
    }
    const waiting = showOrder()
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(1_200)
    expect(findings).toMatchObject([
      { kind: 'pool-exhausted', origin: { file: import.meta.filename, functionName: 'showOrder' } },
    ])
    holder.release()
    await waiting
  })
})

describe('a promise with a later stack', () => {
  it('gives what the first gives, value or error', async () => {
    const { wait } = pretendedPool()
    expect(await withLaterStack(Promise.resolve('client'), wait())).toBe('client')
    const failure = new Error('no client')
    await expect(withLaterStack(Promise.reject(failure), wait())).rejects.toBe(failure)
  })

  it('is the same one if it is of a class of its own, or no promise', () => {
    const { wait } = pretendedPool()
    class Own extends Promise<unknown> {}
    for (const answer of [Own.resolve(), undefined, 'client']) {
      expect(withLaterStack(answer, wait())).toBe(answer)
    }
  })

  it('takes none for a caller that has been answered meanwhile', async () => {
    const { wait, ledger } = pretendedPool()
    const waiter = wait()
    const answer = withLaterStack(Promise.resolve(), waiter)
    ledger.withdrawn(waiter, 'got a client')
    await answer
    expect(waiter.laterStacks).toBeUndefined()
  })
})
