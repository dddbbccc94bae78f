import knexModule from 'knex'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createLifeguard,
  type Finding,
  type LifeguardOptions,
  manualClock,
  PoolDeadlockError,
  SessionDestroyedError,
} from '../../../src/index.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'

interface TarnPool {
  acquire(): { promise: Promise<{ query(sql: string): Promise<unknown> }> }
  release(client: unknown): boolean
  destroy(): Promise<unknown>
  numUsed(): number
  numFree(): number
}

const db = useDatabase()

function watchTarn(options: LifeguardOptions = {}, max = 1) {
  const knex = knexModule({ client: 'pg', connection: { ...db.config }, pool: { min: 0, max } })
  const pool = knex.client.pool as TarnPool
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  const unwatch = lifeguard.watch(knex.client.pool, { name: 'tarn' })
  onTestFinished(async () => {
    await lifeguard.close()
    await knex.destroy()
  })
  return { pool, clock, lifeguard, findings, unwatch, kinds: () => findings.map(({ kind }) => kind) }
}

describe('a pool of tarn', () => {
  it('is watched as it is', async () => {
    const { pool, lifeguard, clock, kinds } = watchTarn({ limits: { holdMillis: 1_000 } })
    const client = await pool.acquire().promise
    expect(lifeguard.snapshot().pools).toMatchObject([{ name: 'tarn', total: 1, idle: 0, max: 1 }])
    clock.advance(1_200)
    expect(kinds()).toEqual(['long-hold'])
    expect(pool.release(client)).toBe(true)
    expect(lifeguard.snapshot().pools).toMatchObject([{ total: 1, idle: 1 }])
  })

  it('answers a second release as it does unguarded, and reports it', async () => {
    const { pool, kinds } = watchTarn()
    const client = await pool.acquire().promise
    expect(pool.release(client)).toBe(true)
    pool.release(client)
    expect(pool.numFree()).toBe(1)
    expect(kinds()).toEqual(['double-release'])
  })

  it('does not throw at a second release while a remedy holds the client', async () => {
    const { pool, kinds } = watchTarn({ mode: 'enforce' })
    const client = await pool.acquire().promise
    await client.query('BEGIN')
    pool.release(client)
    expect(() => pool.release(client)).not.toThrow()
    await eventually(() => expect(pool.numFree()).toBe(1))
    expect(kinds().toSorted()).toEqual(['dirty-release', 'double-release'])
  })

  it('serves the next in line on a new session when a remedy destroys the one in use', async () => {
    const { pool, clock, kinds } = watchTarn({
      mode: 'enforce',
      remedies: { 'long-hold': 'destroy' },
      limits: { holdMillis: 1_000, acquireWaitMillis: false },
    })
    const stuck = await pool.acquire().promise
    await stuck.query('SELECT 1')
    const waiting = pool.acquire().promise
    clock.advance(1_200)
    const next = await waiting
    expect(next).not.toBe(stuck)
    await expect(stuck.query('SELECT 1')).rejects.toBeInstanceOf(SessionDestroyedError)
    pool.release(stuck)
    expect(pool.numUsed()).toBe(1)
    await next.query('SELECT 1')
    pool.release(next)
    expect(kinds()).toEqual(['long-hold'])
    await eventually(async () => expect(await db.sessions()).toHaveLength(1))
  })

  it('forgets a caller whose wait a remedy has rejected, and serves the next one', async () => {
    const { pool, lifeguard, clock } = watchTarn({
      mode: 'enforce',
      remedies: { 'pool-deadlock': 'reject' },
    })
    await lifeguard.runInScope({ kind: 'request', name: 'GET /nested' }, async () => {
      const client = await pool.acquire().promise
      const waiting = pool.acquire().promise
      clock.advance(1_000)
      await expect(waiting).rejects.toBeInstanceOf(PoolDeadlockError)
      pool.release(client)
      const next = await pool.acquire().promise
      expect(next).toBe(client)
      pool.release(next)
    })
    expect(await db.sessions()).toHaveLength(1)
  })

  it('says who is in the way of its end', async () => {
    const { pool, clock, kinds } = watchTarn()
    const client = await pool.acquire().promise
    const ended = pool.destroy()
    clock.advance(2_000)
    expect(kinds()).toContain('blocked-shutdown')
    pool.release(client)
    await ended
  })

  it('is forgotten when it has been destroyed', async () => {
    const { pool, clock, lifeguard } = watchTarn()
    const client = await pool.acquire().promise
    pool.release(client)
    await pool.destroy()
    clock.advance(200)
    expect(lifeguard.snapshot().pools).toEqual([])
  })

  it('has its own methods again when the guard is taken off', async () => {
    const { pool, unwatch } = watchTarn()
    const client = await pool.acquire().promise
    unwatch()
    for (const method of ['acquire', 'release', 'destroy']) expect(Object.hasOwn(pool, method)).toBe(false)
    expect(Object.hasOwn(client, 'query')).toBe(false)
    expect(pool.release(client)).toBe(true)
  })
})
