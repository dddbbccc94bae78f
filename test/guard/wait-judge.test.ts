import { describe, expect, it } from 'vitest'
import { Announcer } from '../../src/guard/announcer.ts'
import { Enforcer } from '../../src/guard/enforcer.ts'
import { WaitJudge } from '../../src/guard/wait-judge.ts'
import { PoolDeadlockError } from '../../src/index.ts'
import { resolveOptions } from '../../src/options.ts'
import { pretendedPool } from '../core/pretended-pool.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

describe('callers that wait', () => {
  it('are judged while they wait, and no longer once they are served', async () => {
    const { pool, clock, kinds, resolved } = guardedPool(
      { ...db.config, max: 1 },
      { limits: { holdMillis: false } },
    )
    const holder = await pool.connect()
    const waiting = pool.connect()
    clock.advance(5_300)
    expect(kinds()).toEqual(['pool-exhausted'])
    holder.release()
    const client = await waiting
    expect(resolved).toMatchObject([{ kind: 'pool-exhausted', resolution: 'got a client after 5.3 s' }])
    clock.advance(60_000)
    expect(kinds()).toEqual(['pool-exhausted'])
    client.release()
  })

  it('are judged once more when the pool gives up on them, if no limit has found them before', async () => {
    const { pool, found } = guardedPool({ ...db.config, max: 1 }, { limits: { acquireWaitMillis: false } })
    const holder = await pool.connect()
    // Only now: a busy machine may take longer to connect.
    pool.options.connectionTimeoutMillis = 30
    await expect(pool.connect()).rejects.toThrow('timeout exceeded')
    expect(await found('pool-exhausted')).toMatchObject({ holders: [{ id: 1 }] })
    holder.release()
  })

  it('are not judged for any other error of the pool', async () => {
    const { pool, kinds } = guardedPool({ ...db.config, database: 'is_not_there' })
    await expect(pool.connect()).rejects.toMatchObject({ code: '3D000' })
    expect(kinds()).toEqual([])
  })

  it('are rejected in a deadlock where the remedy says so, the last one first', async () => {
    const { pool, clock, lifeguard, found } = guardedPool(
      { ...db.config, max: 1 },
      { remedies: { 'pool-deadlock': 'reject' } },
    )
    const work = lifeguard.runInScope({ kind: 'request', name: 'GET /' }, async () => {
      const client = await pool.connect()
      try {
        await pool.connect()
      } finally {
        client.release()
      }
    })
    const outcome = expect(work).rejects.toBeInstanceOf(PoolDeadlockError)
    await eventually(() => expect(pool.waitingCount).toBe(1))
    clock.advance(1_000)
    await outcome
    expect(await found('pool-deadlock')).toMatchObject({ outcome: 'rejected' })
  })
})

describe('many callers that wait for one reason', () => {
  it('are one finding, whose pool was looked into once', async () => {
    const { pool, clock, kinds, lifeguard, resolved } = guardedPool(
      { ...db.config, max: 1 },
      { limits: { holdMillis: false } },
    )
    const holder = await pool.connect()
    const waiting = Array.from({ length: 300 }, () => pool.query('SELECT 1'))
    await eventually(() => expect(pool.waitingCount).toBe(300))
    clock.advance(6_000)
    clock.advance(6_000)
    expect(kinds()).toEqual(['pool-exhausted'])
    expect(lifeguard.snapshot().findings).toHaveLength(1)
    holder.release()
    await Promise.all(waiting)
    expect(resolved).toHaveLength(1)
  })

  it('are one finding, too, when the pool gives up on all of them', async () => {
    const { pool, kinds } = guardedPool(
      { ...db.config, max: 1 },
      { limits: { acquireWaitMillis: false, holdMillis: false } },
    )
    const holder = await pool.connect()
    pool.options.connectionTimeoutMillis = 30
    const errors = await Promise.allSettled(Array.from({ length: 200 }, () => pool.connect()))
    expect(errors.map(({ status }) => status)).toEqual(errors.map(() => 'rejected'))
    for (const error of errors) expect(error).toMatchObject({ reason: { holders: [{ id: 1 }] } })
    expect(kinds()).toEqual(['pool-exhausted'])
    holder.release()
  })

  it('of one scope that holds a client are one nested acquire', async () => {
    const { pool, clock, kinds, lifeguard } = guardedPool({ ...db.config, max: 2 })
    const other = await pool.connect()
    await lifeguard.runInScope({ kind: 'request', name: 'GET /' }, async () => {
      const client = await pool.connect()
      const waiting = Array.from({ length: 100 }, () => pool.query('SELECT 1'))
      await eventually(() => expect(pool.waitingCount).toBe(100))
      clock.advance(1_000)
      expect(kinds()).toEqual(['nested-acquire'])
      client.release()
      await Promise.all(waiting)
    })
    other.release()
  })
})

describe('a deadlock', () => {
  it('is one story: what it explains is not reported beside it', async () => {
    const { pool, clock, kinds, lifeguard, resolved } = guardedPool({ ...db.config, max: 2 })
    const work = (name: string) =>
      lifeguard.openScope({ kind: 'request', name }).run(async () => {
        const client = await pool.connect()
        await client.query('BEGIN')
        const second = pool.connect()
        return async () => {
          await client.query('ROLLBACK')
          client.release()
          ;(await second).release()
        }
      })
    const [first, second] = await Promise.all([work('GET /a'), work('GET /b')])
    await eventually(() => expect(pool.waitingCount).toBe(2))
    const behind = pool.connect()
    clock.advance(1_000)
    expect(kinds()).toEqual(['nested-acquire', 'nested-acquire', 'pool-deadlock'])
    expect(resolved.map(({ kind, resolution }) => [kind, resolution])).toEqual([
      ['nested-acquire', 'superseded by pool-deadlock'],
      ['nested-acquire', 'superseded by pool-deadlock'],
    ])
    clock.advance(120_000)
    expect(kinds()).toHaveLength(3)
    await Promise.all([first?.(), second?.()])
    ;(await behind).release()
  })
})

describe('callers of several pools that give up at once', () => {
  it('have the holders of each pool described once', async () => {
    const pools = [pretendedPool(), pretendedPool()]
    const [first] = pools
    if (first === undefined) throw new Error('there are two')
    const { ledger } = first
    const announcer = new Announcer([])
    const settings = resolveOptions({ reporters: [] })
    const judge = new WaitJudge(settings, ledger, announcer, new Enforcer(settings, ledger, announcer))
    let described = 0
    for (const { pool, checkOut } of pools) {
      checkOut()
      pool.passingQueries = () => {
        described += 1
        return []
      }
    }
    for (let n = 0; n < 10; n += 1) {
      for (const { pool } of pools) judge.timedOut(pool, new Error('timeout exceeded when trying to connect'))
    }
    expect(described).toBe(2)
    await new Promise((resolve) => setImmediate(resolve))
    judge.timedOut(first.pool, new Error('timeout exceeded when trying to connect'))
    expect(described).toBe(3)
  })
})
