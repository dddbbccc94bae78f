import pg from 'pg'
import { describe, expect, it } from 'vitest'
import type { LifeguardOptions } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(options: LifeguardOptions = {}, poolOptions: pg.PoolConfig = {}, pool?: pg.Pool) {
  return guardedPool({ ...db.config, max: 1, ...poolOptions }, options, pool)
}

/** Checks a client out, sends the statements and releases it. */
async function use(pool: pg.Pool, ...statements: string[]): Promise<void> {
  const client = await pool.connect()
  for (const statement of statements) await client.query(statement).catch(() => {})
  client.release()
}

/** What the pool's only session holds. */
const held: Readonly<Record<string, string>> = {
  search_path: `SELECT count(*)::int AS n FROM pg_settings WHERE name = 'search_path' AND source = 'session'`,
  timezone: `SELECT count(*)::int AS n FROM pg_settings WHERE name = 'TimeZone' AND source = 'session'`,
  'app.tenant': `SELECT (coalesce(current_setting('app.tenant', true), '') <> '')::int AS n`,
  role: `SELECT (current_setting('role') <> 'none')::int AS n`,
  session_authorization: `SELECT (session_user <> 'postgres')::int AS n`,
  'LISTEN Orders': 'SELECT count(*)::int AS n FROM pg_listening_channels()',
  'temporary scratch': `SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relname = 'scratch'`,
  'PREPARE plan': 'SELECT count(*)::int AS n FROM pg_prepared_statements WHERE from_sql',
  'cursor c': 'SELECT count(*)::int AS n FROM pg_cursors WHERE is_holdable',
  'an advisory lock': `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()`,
}

const leaks: readonly (readonly [string, ...string[]])[] = [
  ['search_path', 'SET search_path TO app'],
  ['timezone', "SET TIME ZONE 'Europe/Vienna'"],
  ['app.tenant', "SET app.tenant = '7'"],
  ['app.tenant', "SELECT set_config('app.tenant', '7', false)"],
  ['role', 'SET ROLE pg_monitor'],
  ['session_authorization', 'SET SESSION AUTHORIZATION pg_monitor'],
  ['LISTEN Orders', 'LISTEN "Orders"'],
  ['temporary scratch', 'CREATE TEMP TABLE scratch (id int)'],
  ['PREPARE plan', 'PREPARE plan AS SELECT 1'],
  ['cursor c', 'BEGIN', 'DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'COMMIT'],
  ['an advisory lock', 'SELECT pg_advisory_lock(1)'],
  ['search_path', 'BEGIN', 'SET search_path TO app', 'COMMIT'],
  ['search_path', 'SET search_path TO app', 'BEGIN', 'RESET search_path', 'ROLLBACK'],
]

const correct: readonly (readonly string[])[] = [
  ['BEGIN', 'SET LOCAL search_path TO app', 'COMMIT'],
  ['BEGIN', 'SET search_path TO app', 'ROLLBACK'],
  ['BEGIN', "SELECT set_config('app.tenant', '7', true)", 'COMMIT'],
  ['SET search_path TO app', 'RESET search_path'],
  ['SET ROLE pg_monitor', 'RESET ROLE'],
  ['SET ROLE pg_monitor', 'SET ROLE postgres', 'SET ROLE NONE'],
  ['SET SESSION AUTHORIZATION pg_monitor', 'RESET SESSION AUTHORIZATION'],
  ["SET app.tenant = '7'", 'RESET app.tenant'],
  ['LISTEN orders', 'UNLISTEN orders'],
  ['CREATE TEMP TABLE scratch (id int)', 'DROP TABLE scratch'],
  ['BEGIN', 'CREATE TEMP TABLE scratch (id int) ON COMMIT DROP', 'COMMIT'],
  ['SELECT pg_advisory_lock(1)', 'SELECT pg_advisory_unlock(1)'],
  ['BEGIN', 'SELECT pg_advisory_xact_lock(1)', 'COMMIT'],
  ['SET nonsense TO 1'],
  ['SET search_path TO app', 'DISCARD ALL'],
]

describe.each(['observe', 'enforce'] as const)('in %s', (mode) => {
  it.each(leaks)('tells of %s left by %s', async (left, ...statements) => {
    const { pool, findings, found } = guarded({ mode })
    const line = hereLine()
    const client = await pool.connect()
    for (const statement of statements) await client.query(statement)
    client.release()
    const finding = await found('session-state')
    expect(finding).toMatchObject({
      certainty: 'certain',
      left: [left],
      origin: { line: line + 1 },
      eventOrigin: { line: line + 2 },
      remedy: mode === 'observe' ? 'report' : 'reset',
    })
    expect(finding.hint).toContain(`released with ${left} left for the next owner`)
    const { rows } = await pool.query<{ n: number }>(held[left] ?? '')
    expect(rows).toEqual([{ n: mode === 'observe' ? 1 : 0 }])
    expect(finding.outcome).toBe(mode === 'observe' ? undefined : 'reset')
    expect(findings).toHaveLength(1)
  })

  it.each(correct.map((statements) => [statements.join('; '), statements] as const))(
    'tells of nothing after %s',
    async (_text, statements) => {
      const { pool, findings } = guarded({ mode })
      await use(pool, ...statements)
      await pool.query('SELECT 1')
      expect(findings).toEqual([])
    },
  )

  it('tells of what pool.query leaves in whichever session it meets', async () => {
    const { pool, found } = guarded({ mode })
    const line = hereLine()
    await pool.query('SET search_path TO app')
    expect(await found('session-state')).toMatchObject({
      origin: { line: line + 1 },
      checkout: { via: 'pool.query' },
    })
  })

  it('tells of what one text of several statements has left', async () => {
    const { pool, found } = guarded({ mode })
    await use(pool, 'BEGIN; SET search_path TO app; COMMIT; SELECT 1')
    expect(await found('session-state')).toMatchObject({ left: ['search_path'] })
  })

  it('does not blame the next owner', async () => {
    const { pool, findings, found } = guarded({ mode, remedies: { 'session-state': 'report' } })
    await use(pool, 'SET search_path TO app')
    await use(pool, 'SELECT 1')
    await use(pool, 'RESET search_path')
    await found('session-state')
    expect(findings).toHaveLength(1)
  })

  it('tells of it also if the client was released right after a failed statement', async () => {
    const { pool, found } = guarded({ mode })
    const client = await pool.connect()
    await client.query('SET search_path TO app')
    await client.query('SELECT 1/0').catch(() => client.release())
    expect(await found('session-state')).toMatchObject({ left: ['search_path'] })
  })

  it('leaves what is to be ignored', async () => {
    const { pool, findings } = guarded({ mode, sessionState: { ignore: ['App.Tenant', 'channel'] } })
    await use(pool, "SET app.tenant = '7'", 'LISTEN orders')
    await pool.query('SELECT 1')
    expect(findings).toEqual([])
    expect((await pool.query(held['app.tenant'] ?? '')).rows).toEqual([{ n: 1 }])
  })

  it('is blind where it is switched off', async () => {
    const { pool, findings } = guarded({ mode, sessionState: false })
    await use(pool, 'SET search_path TO app')
    await pool.query('SELECT 1')
    expect(findings).toEqual([])
  })
})

describe('in observe', () => {
  it('sends nothing and holds nothing', async () => {
    const { pool } = guarded()
    const client = await pool.connect()
    await client.query('SET search_path TO app')
    client.release()
    expect(pool.idleCount).toBe(1)
    expect((client as unknown as { readyForQuery: boolean }).readyForQuery).toBe(true)
  })

  it('does not accuse where a setting may have been set back by hand', async () => {
    const { pool, findings } = guarded()
    await use(pool, 'SET search_path TO app', 'SET search_path TO "$user", public')
    expect(findings).toEqual([])
  })
})

describe('in enforce', () => {
  it('asks the server before it accuses', async () => {
    const { pool, findings } = guarded({ mode: 'enforce' })
    await use(pool, 'SET search_path TO app', 'SET search_path TO "$user", public')
    await pool.query('SELECT 1')
    expect(findings).toEqual([])
  })

  it('finds what was set twice and not set back', async () => {
    const { pool, found } = guarded({ mode: 'enforce' })
    await use(pool, 'SET search_path TO a', 'SET search_path TO b')
    expect(await found('session-state')).toMatchObject({ left: ['search_path'], outcome: 'reset' })
  })

  it('does not take what the application sets up for a leak', async () => {
    const pool = new pg.Pool({ ...db.config, max: 1 })
    pool.on('connect', (client) => void client.query('SET search_path TO app'))
    const { findings } = guarded({ mode: 'enforce' }, {}, pool)
    await use(pool, 'SELECT 1')
    await use(pool, 'SET search_path TO other', 'SET search_path TO app')
    await pool.query('SELECT 1')
    expect(findings).toEqual([])
  })

  it.each(['SELECT 1', 'SET LOCAL search_path TO app', 'SET search_path TO app; RESET search_path'])(
    'holds no release after %s',
    async (statement) => {
      const { pool } = guarded({ mode: 'enforce' })
      const client = await pool.connect()
      await client.query(statement)
      client.release()
      expect(pool.idleCount).toBe(1)
    },
  )
})

describe.each(['observe', 'enforce'] as const)('with verify, in %s', (mode) => {
  const verified: LifeguardOptions = { mode, sessionState: { verify: true } }

  it('sees what a statement does not show', async () => {
    const { pool, found } = guarded(verified)
    await use(pool, `DO $$ BEGIN PERFORM set_config('search_path', 'app', false); END $$`)
    expect(await found('session-state')).toMatchObject({
      left: ['search_path'],
      ...(mode === 'enforce' ? { outcome: 'reset' } : {}),
    })
  })

  it.each(leaks)('tells of %s left by %s', async (left, ...statements) => {
    const { pool, found } = guarded(verified)
    await use(pool, ...statements)
    expect(await found('session-state')).toMatchObject({ left: [left] })
  })

  it.each(correct.map((statements) => [statements.join('; '), statements] as const))(
    'tells of nothing after %s',
    async (_text, statements) => {
      const { pool, findings } = guarded(verified)
      await use(pool, ...statements)
      await use(pool, ...statements)
      await pool.query('SELECT 1')
      expect(findings).toEqual([])
    },
  )

  it('knows what the application itself sets up', async () => {
    const pool = new pg.Pool({ ...db.config, max: 1 })
    pool.on('connect', (client) => void client.query('SET search_path TO app; LISTEN orders'))
    const { findings, found } = guarded(verified, {}, pool)
    await use(pool, 'SELECT 1')
    await use(pool, 'SET search_path TO other', 'SET search_path TO app')
    expect(findings).toEqual([])
    await use(pool, 'RESET search_path')
    expect(await found('session-state')).toMatchObject({ left: ['search_path'] })
  })

  it('does not blame the next owner', async () => {
    const { pool, findings, found } = guarded({ ...verified, remedies: { 'session-state': 'report' } })
    await use(pool, 'SET search_path TO app')
    await use(pool, 'SELECT 1')
    await found('session-state')
    expect(findings).toHaveLength(1)
  })

  it('hands clients out also in the form with a callback', async () => {
    const { pool, found } = guarded(verified)
    await new Promise<void>((resolve, reject) => {
      pool.connect((error, client, done) => {
        if (error || client === undefined) return reject(error)
        void client.query("SET app.tenant = '7'").then(() => {
          done()
          resolve()
        })
      })
    })
    expect(await found('session-state')).toMatchObject({ left: ['app.tenant'] })
  })
})
