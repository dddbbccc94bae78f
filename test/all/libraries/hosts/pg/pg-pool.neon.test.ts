import { Pool, type PoolClient } from '@neondatabase/serverless'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SessionDestroyedError, TransactionRolledBackError } from '../../../../../src/index.ts'
import { failureOf, modes } from '../../../../support/bare-twin.ts'
import { useDatabase } from '../../../../support/database.ts'
import { eventually } from '../../../../support/eventually.ts'
import { hereLine } from '../../../../support/guarded-pool.ts'
import { endSessions, guard } from '../../support/guard.ts'
import { useNeonProxy } from '../../support/websocket-proxy.ts'

const db = useDatabase()
useNeonProxy()

function openPool(max = 2): Pool {
  const pool = new Pool({ ...db.config, max })
  const clients = new Set<PoolClient>()
  pool.on('error', () => {})
  pool.on('acquire', (client: PoolClient) => clients.add(client))
  onTestFinished(async () => {
    for (const client of clients) client.on('error', () => {})
    void pool.end()
    await endSessions(db)
  })
  return pool
}

describe.each(modes)("Neon's pool in %s", (mode) => {
  it.each(['raw', 'checked'] as const)('is silent at correct use, handles %s', async (handles) => {
    const pool = openPool()
    const { clock, lifeguard, findings } = guard(pool, { mode, handles })
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        const client = await pool.connect()
        try {
          await client.query('BEGIN')
          await client.query('SAVEPOINT before')
          await client.query('SELECT 1/0').catch(() => {})
          await client.query('ROLLBACK TO SAVEPOINT before')
          await client.query('COMMIT')
        } finally {
          client.release()
        }
        await pool.query('SELECT $1::int AS value', [1])
      }),
    )
    await expect(pool.query('SELECT 1/0')).rejects.toThrow('division by zero')
    clock.advance(60_000)
    expect(findings).toEqual([])
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })

  it('reports a statement that waits for the only client, which its own scope holds', async () => {
    const pool = openPool(1)
    const { clock, lifeguard, findings } = guard(pool, { mode })
    const line = hereLine(2)
    await lifeguard.runInScope({ kind: 'request', name: 'GET /nested' }, async () => {
      const client = await pool.connect()
      const waiting = pool.query('SELECT 1')
      clock.advance(6_000)
      expect(findings.at(-1)).toMatchObject({
        kind: 'pool-deadlock',
        origin: { line: line + 1 },
        holders: [{ origin: { line } }],
      })
      client.release()
      await waiting
    })
  })
})

describe("Neon's pool in enforce", () => {
  it('is rolled back, refuses what follows, and works on', async () => {
    const pool = openPool(1)
    const { clock, kinds } = guard(pool, { mode: 'enforce' })
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query("INSERT INTO items (note) VALUES ('lost')")
    clock.advance(11_000)
    // The finding is reported with the result of its remedy, for which time stands still.
    await eventually(() => expect(kinds()).toEqual(['idle-transaction']))
    const refused = await failureOf(() => client.query("INSERT INTO items (note) VALUES ('refused')"))
    expect(refused).toBeInstanceOf(TransactionRolledBackError)
    client.release()
    expect((await pool.query('SELECT note FROM items')).rows).toEqual([])
  })

  it('cancels a statement, closes its session, and serves the next caller', async () => {
    const pool = openPool(1)
    const { clock } = guard(pool, {
      mode: 'enforce',
      remedies: { 'long-hold': 'destroy' },
      limits: { holdMillis: 1_000 },
    })
    const stuck = await pool.connect()
    const sleeping = failureOf(() => stuck.query('SELECT pg_sleep(600)'))
    await eventually(async () => expect((await db.sessions())[0]?.state).toBe('active'))
    const next = pool.query('SELECT 2 AS two')
    clock.advance(1_200)
    expect((await next).rows).toEqual([{ two: 2 }])
    expect(await sleeping).toBeInstanceOf(SessionDestroyedError)
    stuck.release()
    await eventually(async () => expect(await db.sessions()).toHaveLength(1))
  })
})
