import { describe, expect, it } from 'vitest'
import { useDatabase } from '../../../../support/database.ts'
import { eventually } from '../../../../support/eventually.ts'
import { empty, held, open, run } from '../../support/slonik.ts'

const db = useDatabase()

describe('a pool of Slonik by watch(pool)', () => {
  it('says that it does not know the state of transactions, and only reports', async () => {
    const { pool, lifeguard, clock, findings } = await open(db, 'watch(pool)', { mode: 'enforce' })
    const { gone, letGo } = held()
    const scope = lifeguard.openScope({ kind: 'request', name: 'GET /leak' })
    const holding = scope.run(() =>
      pool.transaction(async (transaction) => {
        await transaction.query(run('SELECT 1'))
        await gone
      }),
    )
    await eventually(() => expect(lifeguard.snapshot().checkouts).toMatchObject([{ queryCount: 2 }]))
    scope.end('answered')
    clock.advance(60_000)
    expect(lifeguard.snapshot().checkouts).toMatchObject([
      { transaction: 'unknown', transactionMillis: 0, lastQuery: 'SELECT ?' },
    ])
    expect(findings.map(({ kind, remedy }) => [kind, remedy])).toContainEqual(['outlived-scope', 'report'])
    expect(new Set(findings.map(({ remedy }) => remedy))).toEqual(new Set(['report']))
    letGo()
    await holding
    await empty(lifeguard)
  })

  it('says what a connection is busy with', async () => {
    const { pool, lifeguard, clock, found } = await open(db, 'watch(pool)')
    const busy = pool.any(run('SELECT pg_sleep(60)')).catch(() => {})
    await eventually(() => expect(lifeguard.snapshot().checkouts).toMatchObject([{ queryCount: 1 }]))
    clock.advance(100)
    expect(lifeguard.snapshot().checkouts).toMatchObject([{ idleMillis: 0, busyMillis: 100 }])
    expect((await found('long-hold')).hint).toContain('one statement has been running')
    const [{ pid } = { pid: 0 }] = (await db.sessions()).filter(({ query }) => query.includes('pg_sleep'))
    await db.terminate(pid)
    await busy
    await empty(lifeguard)
  })

  it('is taken off again without a trace', async () => {
    const { pool, lifeguard } = await open(db, 'watch(pool)')
    const before = pool.configuration.interceptors
    lifeguard.watch(pool)()
    const given = pool.configuration.interceptors
    const unwatch = lifeguard.watch(pool)
    expect(pool.configuration.interceptors).toHaveLength(2)
    expect(before).toHaveLength(2)
    await pool.any(run('SELECT 1'))
    unwatch()
    expect(pool.configuration.interceptors).toBe(given)
    expect(given).toEqual([])
  })
})
