import { describe, expect, it } from 'vitest'
import { LostCommitError } from '../../src/index.ts'
import { allowLeaks } from '../../src/testing/verify.ts'
import { deferred } from '../http/deferred.ts'
import { useGuardedTransactions } from './guarded-transactions.ts'

const { db, pool, lifeguard, findings } = useGuardedTransactions({ max: 3 })

/** Every client is back, and nothing was found. */
function expectWhole(): void {
  expect(lifeguard.snapshot().checkouts).toEqual([])
  expect(pool.idleCount).toBe(pool.totalCount)
  expect(findings).toEqual([])
}

/** Resolves when it has been called twice, and at once from then on. */
function meetingOfTwo(): () => Promise<void> {
  const both = deferred()
  let arrived = 0
  return () => {
    arrived += 1
    if (arrived === 2) both.resolve()
    return both.promise
  }
}

describe('retries', () => {
  /** Two transactions that read both accounts and write one each: one of them must fail. */
  async function conflict(retries: number) {
    const attempts = [0, 0]
    const meeting = meetingOfTwo()
    const withdraw = (account: number, index: number) =>
      lifeguard.transaction(
        pool,
        async (client) => {
          attempts[index] = (attempts[index] ?? 0) + 1
          const { rows } = await client.query<{ total: number }>(
            'SELECT sum(balance)::int AS total FROM accounts',
          )
          await meeting()
          const total = rows[0]?.total ?? 0
          if (total >= 150)
            await client.query('UPDATE accounts SET balance = balance - 150 WHERE id = $1', [account])
        },
        { isolation: 'serializable', retries },
      )
    const results = await Promise.allSettled([withdraw(1, 0), withdraw(2, 1)])
    const { rows } = await db.query<{ total: number }>('SELECT sum(balance)::int AS total FROM accounts')
    return { attempts, results, total: rows[0]?.total }
  }

  it('run the whole of the work again after a serialization failure', async () => {
    const { attempts, results, total } = await conflict(5)
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    expect(attempts.reduce((sum, count) => sum + count)).toBeGreaterThan(2)
    expect(total).toBe(50)
    expectWhole()
  })

  it('are none unless asked for', async () => {
    const { attempts, results, total } = await conflict(0)
    expect(attempts).toEqual([1, 1])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: '40001' } })
    expect(total).toBe(50)
    expectWhole()
  })

  it('come after a deadlock, too', async () => {
    const attempts = [0, 0]
    const meeting = meetingOfTwo()
    const move = (from: number, to: number) =>
      lifeguard.transaction(
        pool,
        async (client) => {
          attempts[from - 1] = (attempts[from - 1] ?? 0) + 1
          await client.query("SET LOCAL deadlock_timeout = '50ms'")
          await client.query('UPDATE accounts SET balance = balance - 10 WHERE id = $1', [from])
          await meeting()
          await client.query('UPDATE accounts SET balance = balance + 10 WHERE id = $1', [to])
        },
        { retries: 20 },
      )
    await Promise.all([move(1, 2), move(2, 1)])
    expect(attempts.reduce((sum, count) => sum + count)).toBeGreaterThan(2)
    const { rows } = await db.query('SELECT balance FROM accounts ORDER BY id')
    expect(rows).toEqual([{ balance: 100 }, { balance: 100 }])
    expectWhole()
  })

  it('come to an end, with the last error', async () => {
    let attempts = 0
    const serializationFailure = "DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$"
    await expect(
      lifeguard.transaction(
        pool,
        async (client) => {
          attempts += 1
          await client.query(`INSERT INTO items (note) VALUES ('attempt ${attempts}')`)
          await client.query(serializationFailure)
        },
        { retries: 2 },
      ),
    ).rejects.toMatchObject({ code: '40001' })
    expect(attempts).toBe(3)
    expect((await db.query('SELECT note FROM items')).rows).toEqual([])
    expectWhole()
  })

  it.each([
    ['an error of the work', 'SELECT nonsense', '42703'],
    [
      'a lock that was not there in time',
      "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '55P03'; END $$",
      '55P03',
    ],
  ])('do not come after %s', async (_what, statement, code) => {
    let attempts = 0
    await expect(
      lifeguard.transaction(
        pool,
        async (client) => {
          attempts += 1
          await client.query(statement)
        },
        { retries: 5 },
      ),
    ).rejects.toMatchObject({ code })
    expect(attempts).toBe(1)
  })

  it('do not come after a lost COMMIT: the work has to learn of its swallowed error', async () => {
    allowLeaks(lifeguard, 'the COMMIT is lost on purpose')
    let attempts = 0
    await expect(
      lifeguard.transaction(
        pool,
        async (client) => {
          attempts += 1
          await client.query('SELECT nonsense').catch(() => {})
        },
        { retries: 5 },
      ),
    ).rejects.toThrow(LostCommitError)
    expect(attempts).toBe(1)
  })
})
