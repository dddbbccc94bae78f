import { hostname } from 'node:os'
import { relative } from 'node:path'
import pg from 'pg'
import QueryStream from 'pg-query-stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { internalsOf } from '../../src/guard/internals.ts'
import type { TagOptions } from '../../src/index.ts'
import { readSqlComment } from '../../src/sql/comment.ts'
import { useDatabase } from '../support/database.ts'
import { startServer } from '../support/embedded-server.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()
const here = relative(process.cwd(), import.meta.filename)

const tagging = (tag: Partial<TagOptions> = {}, pool: pg.PoolConfig = {}) =>
  guardedPool({ ...db.config, max: 2, ...pool }, { tag: { application: 'orders', ...tag } })

/** What the server shows as the last statement of a client. */
async function shown(client: pg.PoolClient): Promise<string> {
  const { processID } = client as unknown as { processID: number }
  const { rows } = await db.query<{ query: string }>('SELECT query FROM pg_stat_activity WHERE pid = $1', [
    processID,
  ])
  return rows[0]?.query ?? ''
}

describe('a statement of an explicit checkout', () => {
  it('is tagged with application, line, route and trace', async () => {
    const { pool, lifeguard } = tagging()
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const scope = { kind: 'request', name: 'GET /orders/:id', traceparent }
    const line = hereLine(2)
    await lifeguard.runInScope(scope, async () => {
      const client = await pool.connect()
      const { rows } = await client.query('SELECT 1 AS one')
      expect(rows).toEqual([{ one: 1 }])
      const text = await shown(client)
      expect(text).toMatch(/^SELECT 1 AS one \/\*application='orders',origin=/)
      expect(readSqlComment(text)).toEqual({
        application: 'orders',
        origin: expect.stringContaining(`${here}:${line}:`),
        route: 'GET /orders/:id',
        traceparent,
      })
      client.release()
    })
  })

  it('has the active span in preference to what the request came with', async () => {
    const { pool, lifeguard } = tagging({ origin: false })
    const parts = internalsOf(lifeguard)
    if (parts === undefined) throw new Error('no parts')
    parts.ledger.activeSpan = () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 0 })
    const client = await pool.connect()
    await client.query('SELECT 1')
    expect(readSqlComment(await shown(client))).toEqual({
      application: 'orders',
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`,
    })
    client.release()
  })

  it('of another kind of scope says which', async () => {
    const { pool, lifeguard } = tagging({ origin: false, traceparent: false })
    await lifeguard.runInScope({ kind: 'job', name: 'nightly' }, async () => {
      const client = await pool.connect()
      await client.query({ text: 'SELECT $1::int AS n', values: [7] })
      expect(await shown(client)).toBe("SELECT $1::int AS n /*application='orders',scope='job%20nightly'*/")
      client.release()
    })
  })

  it('is sent as it is where a tag would change it or be lost', async () => {
    const { pool } = tagging()
    const client = await pool.connect()
    const untouched: unknown[] = [
      'SELECT 1 -- last words',
      'SELECT /* mine */ 1',
      { name: 'one', text: 'SELECT 1' },
      Object.assign(Object.create({ text: 'SELECT 1' }), { values: [] }),
    ]
    for (const statement of untouched) {
      await client.query(statement as string)
      expect(await shown(client)).not.toContain('application=')
    }
    for await (const _ of client.query(new QueryStream('SELECT 1')))
      expect(await shown(client)).toBe('SELECT 1')
    client.release()
    await pool.query('SELECT 1')
  })

  it('leaves the object that it was called with alone, and keeps what it asks for', async () => {
    const { pool } = tagging()
    const client = await pool.connect()
    const config = Object.freeze({ text: 'SELECT $1::int', values: [7], rowMode: 'array' as const })
    expect((await client.query(config)).rows).toEqual([[7]])
    expect(await shown(client)).toContain('application=')
    const rows = await new Promise((resolve) =>
      client.query(config, (_error: Error, result: pg.QueryResult) => resolve(result.rows)),
    )
    expect(rows).toEqual([[7]])
    client.release()
  })

  it('fails as it would without', async () => {
    const { pool } = tagging()
    const bare = new pg.Client(db.config)
    await bare.connect()
    onTestFinished(() => bare.end())
    const client = await pool.connect()
    for (const statement of ['SELEC 1', 'SELECT * FROM nowhere', 'SELECT 1/0']) {
      const [ours, theirs] = (await Promise.all(
        [client, bare].map((one) => one.query(statement).catch((error: unknown) => error)),
      )) as [pg.DatabaseError, pg.DatabaseError]
      expect([ours.code, ours.message, ours.position]).toEqual([theirs.code, theirs.message, theirs.position])
    }
    client.release()
  })

  it('that is not complete fails at its end, which is behind the tag', async () => {
    const { pool } = tagging()
    const client = await pool.connect()
    await expect(client.query('SELECT (')).rejects.toThrow('syntax error at end of input')
    client.release()
  })

  it('is judged and reported as it was written', async () => {
    const { pool, clock, findings, kinds } = tagging()
    const client = await pool.connect()
    const line = hereLine(1)
    await client.query('BEGIN')
    clock.advance(11_000)
    expect(findings).toMatchObject([
      { kind: 'idle-transaction', checkout: { lastQuery: 'BEGIN' }, transactionOrigin: { line } },
    ])
    await client.query('COMMIT')
    await client.query('SET search_path TO nowhere')
    client.release()
    expect(kinds()).toEqual(['idle-transaction', 'session-state'])
    expect(findings[1]).toMatchObject({ left: ['search_path'] })
  })

  it('costs no plan: a prepared statement keeps its text and is prepared once', async () => {
    const { pool } = tagging()
    for (let n = 0; n < 3; n++) {
      const client = await pool.connect()
      await client.query({ name: 'by id', text: 'SELECT $1::int', values: [n] })
      const { rows } = await client.query(
        'SELECT statement, generic_plans + custom_plans AS runs FROM pg_prepared_statements',
      )
      expect(rows).toEqual([{ statement: 'SELECT $1::int', runs: String(n + 1) }])
      client.release()
    }
  })
})

describe('pg_stat_statements', () => {
  it('keeps one entry for a statement, whatever its tags', async () => {
    await using server = await startServer({ settings: { shared_preload_libraries: 'pg_stat_statements' } })
    const { pool, lifeguard } = guardedPool(
      { connectionString: server.url, max: 1 },
      { tag: { application: 'orders' } },
    )
    await pool.query('CREATE EXTENSION pg_stat_statements')
    for (const name of ['GET /a', 'GET /b']) {
      await lifeguard.runInScope({ kind: 'request', name }, async () => {
        const client = await pool.connect()
        await client.query('SELECT 1 AS counted')
        await client.query('SELECT $1::int AS counted', [2])
        client.release()
      })
    }
    const { rows } = await pool.query(
      "SELECT calls::int, query FROM pg_stat_statements WHERE query LIKE 'SELECT%counted%' ORDER BY query",
    )
    // The text is that of the first call, with its tag.
    expect(rows).toEqual([
      { calls: 2, query: expect.stringMatching(/^SELECT \$1 AS counted( \/\*.*GET%20%2Fa.*\*\/)?$/) },
      { calls: 2, query: expect.stringMatching(/^SELECT \$1::int AS counted( \/\*.*GET%20%2Fa.*\*\/)?$/) },
    ])
    await lifeguard.close()
    await pool.end()
  })
})

describe('a connection', () => {
  const nameOf = async (pool: pg.Pool) =>
    (await pool.query<{ name: string }>(`SELECT current_setting('application_name') AS name`)).rows[0]?.name

  it('is named by application, process and host', async () => {
    const { pool } = tagging({ statements: false })
    expect(await nameOf(pool)).toBe(`orders (pid ${process.pid} on ${hostname()})`.slice(0, 63))
    const client = await pool.connect()
    await client.query('SELECT 1')
    expect(await shown(client)).toBe('SELECT 1')
    client.release()
  })

  it('keeps the name that the application gives it, and has none that was not asked for', async () => {
    expect(await nameOf(tagging({}, { application_name: 'mine' }).pool)).toBe('mine')
    expect(await nameOf(tagging({ connections: false }).pool)).toBe('')
  })

  it('has its own name again once the guard is taken off', async () => {
    const { pool, lifeguard } = tagging()
    await lifeguard.close()
    expect(await nameOf(pool)).toBe('')
  })
})
