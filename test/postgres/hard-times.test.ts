import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  blockingTree,
  connectControl,
  databasePart,
  deadlocks,
  type ServerSnapshot,
  serverSnapshot,
  terminateSession,
} from '../../src/postgres/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { buildHeldUpStandby, clientOf, openSession, startOwnServer } from './sessions.ts'

const db = useDatabase()

async function open(url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  return client
}

describe('under churn', () => {
  it('no deadlock is reported where there is none', async () => {
    await db.query('INSERT INTO accounts SELECT n, 0 FROM generate_series(1, 4) AS n ON CONFLICT DO NOTHING')
    const workers = await Promise.all([1, 2, 3, 4, 5, 6].map((number) => openSession(db, `worker ${number}`)))
    let isOver = false
    // Always in the same order: they queue for each other all the time, and never in a circle.
    const work = workers.map(async ({ client }) => {
      while (!isOver) {
        await client.query(
          'BEGIN; UPDATE accounts SET balance = balance + 1 WHERE id = 1; SELECT pg_sleep(0.005); UPDATE accounts SET balance = 0 WHERE id = 2; COMMIT',
        )
      }
    })
    const looks: ServerSnapshot[] = []
    for (let number = 0; number < 60; number += 1) {
      looks.push(databasePart(await serverSnapshot(clientOf(db)), db.name))
    }
    isOver = true
    await Promise.all(work)
    expect(looks.some(({ blocks }) => blocks.length > 0)).toBe(true)
    const reported = looks.slice(1).flatMap((later, at) => deadlocks(looks[at] ?? later, later))
    expect(reported).toEqual([])
  })
})

describe('databases of several encodings', () => {
  it.each(['EUC_JP', 'WIN1252', 'LATIN1', 'SQL_ASCII'])(
    'are seen from one in %s, whatever the statements in the others',
    async (encoding) => {
      const name = `${db.name}_${encoding.toLowerCase()}`
      await db.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${encoding}' LOCALE 'C'`)
      onTestFinished(async () => void (await db.query(`DROP DATABASE ${name} WITH (FORCE)`)))
      const japanese = await openSession(db, 'japanese')
      const statement =
        "BEGIN; SELECT '\u3053\u3093 \u20ac \u00e9', '' AS none, E'\\\\' AS backslash, 'd''or'"
      await japanese.run(statement)
      await using control = await connectControl({ url: db.url, database: name, env: {} })
      const { sessions } = await serverSnapshot(control)
      expect(sessions.find(({ pid }) => pid === japanese.pid)?.query).toBe(statement)
    },
  )
})

describe('a standby', () => {
  it('shows whose transaction keeps it from following its primary', async () => {
    const { url, idlePid } = await buildHeldUpStandby()
    await using control = await connectControl({ url, env: {} })
    const { roots, nodes } = blockingTree(await serverSnapshot(control))
    expect(roots).toEqual([`pid ${idlePid}`])
    expect(nodes[1]).toMatchObject({
      session: { backendType: 'startup' },
      wait: { mode: 'AccessExclusiveLock', target: 'public.followed' },
      blockedBy: [{ id: `pid ${idlePid}`, kind: 'hard' }],
    })
  })
})

describe('a server without a free slot', () => {
  it('is told as such, and lets a superuser in', async () => {
    await using server = await startOwnServer({
      max_connections: '4',
      superuser_reserved_connections: '1',
      max_wal_senders: '0',
    })
    const admin = await open(server.url)
    await admin.query("CREATE ROLE app LOGIN PASSWORD 'hunter22'")
    const url = new URL(server.url)
    Object.assign(url, { username: 'app', password: 'hunter22' })
    const clients = [admin, await open(url.href), await open(url.href)]
    const refused = await connectControl({ url: url.href, env: {} }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ name: 'ConnectionError', reason: '53300' })
    expect((refused as Error).message).toContain('kept for superusers')
    await using control = await connectControl({ url: server.url, env: {} })
    expect((await serverSnapshot(control)).sessions.length).toBeGreaterThanOrEqual(3)
    for (const client of clients) await client.end()
  })
})

describe('autovacuum', () => {
  it('is shown where it blocks, and never ended', async () => {
    await using server = await startOwnServer({
      autovacuum: 'on',
      autovacuum_naptime: '1s',
      autovacuum_vacuum_cost_delay: '100ms',
      autovacuum_vacuum_cost_limit: '1',
      // It gives way to whoever has waited for so long.
      deadlock_timeout: '1h',
    })
    const client = await open(server.url)
    onTestFinished(() => client.end().catch(() => {}))
    await client.query(`CREATE TABLE worn AS SELECT generate_series(1, 100000) AS n`)
    await client.query('DELETE FROM worn')
    const worker = await eventually(async () => {
      const { rows } = await client.query<{ pid: number; started: string }>(
        `SELECT pid, to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS started
           FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' AND query LIKE '%worn%'`,
      )
      if (rows[0] === undefined) throw new Error('no worker yet')
      return rows[0]
    })
    const waiting = await open(server.url)
    const lock = waiting.query('ALTER TABLE worn ADD COLUMN more int').catch(() => {})
    const tree = await eventually(async () => {
      const found = blockingTree(await serverSnapshot(client))
      expect(found.roots).toHaveLength(1)
      return found
    })
    expect(tree.nodes[0]?.session).toMatchObject({ pid: worker.pid, backendType: 'autovacuum worker' })
    expect(await terminateSession(client, { pid: worker.pid, backendStart: worker.started })).toEqual({
      pid: worker.pid,
      outcome: 'denied',
      detail: 'it is no client session: autovacuum worker',
    })
    await waiting.end()
    await lock
  })
})
