import { neonConfig, Pool, type PoolClient } from '@neondatabase/serverless'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  createLifeguard,
  type Finding,
  type LifeguardOptions,
  manualClock,
  SessionDestroyedError,
  TransactionRolledBackError,
} from '../../../../../src/index.ts'
import { failureOf, modes } from '../../../../support/bare-twin.ts'
import { useDatabase } from '../../../../support/database.ts'
import { eventually } from '../../../../support/eventually.ts'
import { hereLine } from '../../../../support/guarded-pool.ts'
import { startWebSocketProxy } from '../../support/websocket-proxy.ts'

const db = useDatabase()
let proxy: Awaited<ReturnType<typeof startWebSocketProxy>>
beforeAll(async () => {
  proxy = await startWebSocketProxy()
  neonConfig.wsProxy = proxy.address
  neonConfig.useSecureWebSocket = false
  neonConfig.pipelineConnect = false
})
afterAll(() => proxy.close())

function openPool(max = 2): Pool {
  const pool = new Pool({ ...db.config, max })
  const clients = new Set<PoolClient>()
  pool.on('error', () => {})
  pool.on('acquire', (client: PoolClient) => clients.add(client))
  onTestFinished(async () => {
    for (const client of clients) client.on('error', () => {})
    void pool.end()
    await db.query(endSessions)
  })
  return pool
}

const endSessions = `
  SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`

function guard(pool: Pool, options: LifeguardOptions = {}) {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  onTestFinished(() => lifeguard.close())
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  lifeguard.watch(pool, { name: 'main' })
  return { clock, lifeguard, findings, kinds: () => findings.map(({ kind }) => kind) }
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

  it('reports a client that a scope leaves out, at its line', async () => {
    const pool = openPool()
    const { clock, lifeguard, findings } = guard(pool, { mode })
    const line = hereLine(2)
    await lifeguard.runInScope({ kind: 'request', name: 'GET /leak' }, async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
    })
    await eventually(() => {
      clock.advance(500)
      expect(findings).toMatchObject([
        {
          kind: 'outlived-scope',
          scope: { name: 'GET /leak' },
          origin: { file: import.meta.filename, line },
        },
      ])
    })
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
    await eventually(() => {
      clock.advance(1_000)
      expect(kinds()).toEqual(['idle-transaction'])
    })
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

  it('answers 20 of 20 requests that leak', async () => {
    const pool = openPool()
    const { clock, lifeguard } = guard(pool, { mode: 'enforce', limits: { idleTransactionMillis: false } })
    let answered = 0
    const all = Array.from({ length: 20 }, (_, index) =>
      lifeguard.runInScope({ kind: 'request', name: `GET /${index}` }, async () => {
        await (await pool.connect()).query('BEGIN')
        answered += 1
      }),
    )
    await eventually(() => {
      clock.advance(500)
      expect(answered).toBe(20)
    })
    await Promise.all(all)
  })
})
