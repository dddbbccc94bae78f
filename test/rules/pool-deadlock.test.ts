import type { Pool, PoolClient } from 'pg'
import { describe, expect, it } from 'vitest'
import { type Lifeguard, PoolDeadlockError } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(max: number, options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max }, options)
}

type Ask = (pool: Pool) => Promise<unknown>

/** Every way to ask a pool for a client; each gives it back when it got one. */
const ways: [way: string, ask: Ask][] = [
  ['pool.connect()', async (pool) => (await pool.connect()).release()],
  [
    'pool.connect(callback)',
    (pool) =>
      new Promise<void>((resolve, reject) =>
        pool.connect((error, _client, done) => {
          done()
          if (error) reject(error)
          else resolve()
        }),
      ),
  ],
  ['pool.query()', (pool) => pool.query('SELECT 1')],
  [
    'pool.query(callback)',
    (pool) =>
      new Promise<void>((resolve, reject) =>
        pool.query('SELECT 1', (error: Error | undefined) => (error ? reject(error) : resolve())),
      ),
  ],
]
const byPromise: Ask = (pool) => pool.connect()

interface Flow {
  readonly id: string
  readonly held: PoolClient
  /** Ends as the flow does, which gives back what it holds. */
  readonly ended: Promise<unknown>
}

/** As many requests as the pool has clients, each of which holds one and asks for another. */
async function lockUp(pool: Pool, lifeguard: Lifeguard, max: number, ask: Ask): Promise<Flow[]> {
  const scopes = Array.from({ length: max }, (_, n) =>
    lifeguard.openScope({ kind: 'request', name: 'GET /x', id: String(n) }),
  )
  const held: PoolClient[] = []
  for (const scope of scopes) held.push(await scope.run(() => pool.connect()))
  return scopes.map((scope, n) => {
    const client = held[n] as PoolClient
    const ended = scope.run(async () => {
      try {
        await ask(pool)
      } finally {
        client.release()
        scope.end('answered')
      }
    })
    ended.catch(() => {})
    return { id: String(n), held: client, ended }
  })
}

describe.each([1, 4])('a deadlock on a pool of %i', (max) => {
  it('is told within a second, once, with all holders and both lines', async () => {
    const { pool, lifeguard, clock, findings } = guarded(max)
    const line = hereLine(1)
    const ask = (pool: Pool) => pool.connect()
    await lockUp(pool, lifeguard, max, ask)
    clock.advance(1_000)
    const deadlocks = findings.filter(({ kind }) => kind === 'pool-deadlock')
    expect(deadlocks).toMatchObject([
      {
        certainty: 'certain',
        remedy: 'report',
        scope: { id: String(max - 1) },
        checkout: { phase: 'waiting' },
        origin: { file: import.meta.filename, line },
      },
    ])
    const [deadlock] = deadlocks
    expect(deadlock?.holders?.map(({ scope }) => scope?.id)).toEqual([...Array(max).keys()].map(String))
    for (const holder of deadlock?.holders ?? []) expect(holder.origin?.file).toBe(import.meta.filename)
    expect(deadlock?.hint).toContain(
      max === 1
        ? 'the only client is held by work that waits'
        : `all ${max} clients are held by work that waits`,
    )
    expect(deadlock?.hint).toContain(max === 1 ? 'waits for itself' : 'the 4 scopes that could release one')
    clock.advance(4_000)
    expect(findings.filter(({ kind }) => kind === 'pool-deadlock')).toHaveLength(1)
  })

  it('is resolved when somebody gives way', async () => {
    const { pool, lifeguard, clock, found, cleared } = guarded(max)
    const flows = await lockUp(pool, lifeguard, max, ways[0]?.[1] ?? byPromise)
    clock.advance(1_000)
    await found('pool-deadlock')
    // A server that ends a session ends the flow that holds it; here its client is taken away by hand.
    const { held } = flows[0] as Flow
    const release = held.release.bind(held)
    held.release = () => {}
    release(true)
    await Promise.all(flows.map(({ ended }) => ended))
    expect((await cleared('pool-deadlock')).resolution).toMatch(/^got a client/)
    expect(pool.waitingCount).toBe(0)
  })

  it('is none while a holder is still at work', async () => {
    const { pool, lifeguard, clock, kinds } = guarded(max)
    const flows = await lockUp(pool, lifeguard, max, byPromise)
    const working = flows[max - 1]?.held.query('SELECT pg_sleep(60)').catch(() => {})
    clock.advance(4_000)
    expect(kinds()).not.toContain('pool-deadlock')
    for (const { pid } of await db.sessions()) await db.terminate(pid)
    await working
  })

  it('is none while a holder moves on', async () => {
    const { pool, lifeguard, clock, kinds } = guarded(max)
    const flows = await lockUp(pool, lifeguard, max, byPromise)
    for (let second = 0; second < 4; second += 1) {
      clock.advance(400)
      await flows[0]?.held.query('SELECT 1')
    }
    expect(kinds()).not.toContain('pool-deadlock')
  })

  it('is none while one holder waits for nobody', async () => {
    const { pool, lifeguard, clock, kinds } = guarded(max + 1)
    const outside = await lifeguard.openScope({ kind: 'request', name: 'GET /y' }).run(() => pool.connect())
    const flows = await lockUp(pool, lifeguard, max, ways[0]?.[1] ?? byPromise)
    clock.advance(4_000)
    expect(kinds()).not.toContain('pool-deadlock')
    outside.release()
    await Promise.all(flows.map(({ ended }) => ended))
  })

  it('is none if the nested checkouts fit', async () => {
    const { pool, lifeguard, clock, findings } = guarded(2 * max)
    const flows = await lockUp(pool, lifeguard, max, async (pool) => {
      const client = await pool.connect()
      clock.advance(600)
      client.release()
    })
    await Promise.all(flows.map(({ ended }) => ended))
    expect(findings).toEqual([])
  })
})

it('holders without a scope may be waiting or not: nothing is told', async () => {
  const { pool, clock, kinds } = guarded(1)
  const held = await pool.connect()
  const waiting = pool.connect()
  clock.advance(4_000)
  expect(kinds()).toEqual([])
  held.release()
  ;(await waiting).release()
})

describe.each(ways)("with the remedy 'reject', a caller of %s", (_way, ask) => {
  const reject = { remedies: { 'pool-deadlock': 'reject' } } as const

  it.each([1, 4])('that came last is rejected, and the others go on: pool of %i', async (max) => {
    const { pool, lifeguard, clock, found, kinds } = guarded(max, reject)
    const flows = await lockUp(pool, lifeguard, max, ask)
    clock.advance(1_000)
    const error: unknown = await flows[max - 1]?.ended.catch((reason) => reason)
    if (!(error instanceof PoolDeadlockError)) throw error
    const finding = await found('pool-deadlock')
    expect(finding).toMatchObject({ remedy: 'reject', outcome: 'rejected', scope: { id: String(max - 1) } })
    expect(error).toMatchObject({ code: 'LIFEGUARD_POOL_DEADLOCK', finding: { id: finding.id } })
    for (const { id } of flows) expect(error.message).toContain(`request GET /x (id ${id})`)
    const others = flows.slice(0, -1)
    await Promise.all(others.map(({ ended }) => ended))
    expect(kinds().filter((kind) => kind === 'pool-deadlock')).toHaveLength(1)

    // The client that came for the rejected caller has gone back: the whole pool can be had.
    await eventually(() => expect(pool).toMatchObject({ waitingCount: 0, idleCount: pool.totalCount }))
    const all = await Promise.all(Array.from({ length: max }, () => pool.connect()))
    for (const client of all) client.release()
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })

  it('that only queues up behind them is left alone', async () => {
    const { pool, lifeguard, clock, kinds } = guarded(1, reject)
    const flows = await lockUp(pool, lifeguard, 1, ask)
    const bystanders = [1, 2].map(() =>
      lifeguard.runInScope({ kind: 'request', name: 'GET /y' }, () => ask(pool)),
    )
    clock.advance(1_000)
    await expect(flows[0]?.ended).rejects.toBeInstanceOf(PoolDeadlockError)
    await Promise.all(bystanders)
    expect(kinds().filter((kind) => kind === 'pool-deadlock')).toHaveLength(1)
    await eventually(() => expect(pool).toMatchObject({ waitingCount: 0, idleCount: 1 }))
  })
})

it('a rejected caller whose own timeout passes later is not told twice', async () => {
  const { pool, lifeguard, clock, kinds } = guardedPool(
    { ...db.config, max: 1, connectionTimeoutMillis: 300 },
    { remedies: { 'pool-deadlock': 'reject' } },
  )
  const scope = lifeguard.openScope({ kind: 'request', name: 'GET /x' })
  const held = await scope.run(() => pool.connect())
  const waiting = scope.run(() => pool.connect())
  clock.advance(1_000)
  await expect(waiting).rejects.toBeInstanceOf(PoolDeadlockError)
  await eventually(() => expect(pool.waitingCount).toBe(0))
  held.release()
  expect(kinds()).toEqual(['nested-acquire', 'pool-deadlock'])
})

describe('while a caller waits', () => {
  it.each(ways)('the guard can be taken off, and it still gets its client: %s', async (_way, ask) => {
    const { pool, lifeguard } = guarded(1, { remedies: { 'pool-deadlock': 'reject' } })
    const held = await pool.connect()
    const waiting = ask(pool)
    await lifeguard.close()
    held.release()
    await waiting
    await eventually(() => expect(pool).toMatchObject({ waitingCount: 0, idleCount: 1 }))
  })
})
