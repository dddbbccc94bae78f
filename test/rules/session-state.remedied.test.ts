import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import type { LifeguardOptions } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(options: LifeguardOptions = {}) {
  return guardedPool({ ...db.config, max: 1 }, { mode: 'enforce', ...options })
}

type Guarded = ReturnType<typeof guarded>

/** What a remedy has rolled back behind the statements of its owner is released. */
async function releaseRolledBack(
  { pool, clock, found }: Guarded,
  statements: readonly string[],
): Promise<pg.PoolClient> {
  const client = await pool.connect()
  for (const statement of statements) await client.query(statement)
  clock.advance(10_300)
  expect(await found('idle-transaction')).toMatchObject({ outcome: 'rolled-back' })
  client.release()
  return client
}

const leftBehind: readonly (readonly [left: string, statements: readonly string[], looksLeft: string])[] = [
  [
    'app.tenant',
    ["SET app.tenant = 'alice'", 'BEGIN'],
    `coalesce(current_setting('app.tenant', true), '') <> ''`,
  ],
  ['search_path', ['SET search_path TO app', 'BEGIN'], `current_setting('search_path') = 'app'`],
  ['role', ['SET ROLE pg_monitor', 'BEGIN'], `current_setting('role') <> 'none'`],
  ['session_authorization', ['SET SESSION AUTHORIZATION pg_monitor', 'BEGIN'], `session_user <> 'postgres'`],
  [
    'an advisory lock',
    ['SELECT pg_advisory_lock(18)', 'BEGIN'],
    `EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())`,
  ],
  [
    'an advisory lock',
    // A rollback does not free it.
    ['BEGIN', 'SELECT pg_advisory_lock(19)'],
    `EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())`,
  ],
  ['LISTEN orders', ['LISTEN orders', 'BEGIN'], 'EXISTS (SELECT FROM pg_listening_channels())'],
  [
    'temporary scratch',
    ['CREATE TEMP TABLE scratch (id int)', 'BEGIN'],
    `EXISTS (SELECT FROM pg_class WHERE relname = 'scratch')`,
  ],
]

describe.each([true, false])('after a rollback by the guard, with a next owner in line: %s,', (isAwaited) => {
  it.each(leftBehind)('the next owner does not get %s of %j', async (left, statements, looksLeft) => {
    const guard = guarded()
    const { pool, found } = guard
    const client = await pool.connect()
    for (const statement of statements) await client.query(statement)
    const waiting = isAwaited ? pool.connect() : undefined
    guard.clock.advance(10_300)
    await found('idle-transaction')
    client.release()
    const next = await (waiting ?? pool.connect())
    const { rows } = await next.query<{ left: boolean }>(`SELECT ${looksLeft} AS left`)
    next.release()
    expect(rows).toEqual([{ left: false }])
    expect(await found('session-state')).toMatchObject({ left: [left], outcome: 'reset' })
  })
})

describe('after a rollback by the guard', () => {
  it.each([
    [['BEGIN', "SET app.tenant = 'alice'"]],
    [['BEGIN', 'SET LOCAL ROLE pg_monitor']],
    [['BEGIN', 'LISTEN orders']],
    [['BEGIN', 'CREATE TEMP TABLE scratch (id int)']],
    [['BEGIN', 'SELECT pg_advisory_xact_lock(20)']],
    [["SET app.tenant = 'alice'", 'RESET app.tenant', 'BEGIN']],
  ])('nothing is said of %j, which leaves nothing', async (statements) => {
    const guard = guarded()
    await releaseRolledBack(guard, statements)
    await guard.pool.query('SELECT 1')
    expect(guard.kinds()).toEqual(['idle-transaction'])
    expect(guard.pool).toMatchObject({ totalCount: 1, idleCount: 1 })
  })

  it('the session is closed where that is the remedy for what is left', async () => {
    const guard = guarded({ remedies: { 'session-state': 'destroy' } })
    const client = await releaseRolledBack(guard, ["SET app.tenant = 'alice'", 'BEGIN'])
    expect(await guard.found('session-state')).toMatchObject({ outcome: 'destroyed' })
    const next = await guard.pool.connect()
    expect(next).not.toBe(client)
    next.release()
    expect(guard.pool).toMatchObject({ totalCount: 1, idleCount: 1 })
  })

  it('what is left is reported also where the rollback alone was asked for', async () => {
    const guard = guarded({ mode: 'observe', remedies: { 'idle-transaction': 'rollback' } })
    await releaseRolledBack(guard, ["SET app.tenant = 'alice'", 'BEGIN'])
    expect(await guard.found('session-state')).toMatchObject({ left: ['app.tenant'], remedy: 'report' })
    expect((await guard.pool.query('SHOW app.tenant')).rows).toEqual([{ 'app.tenant': 'alice' }])
  })

  it('what a function has set is found with verify', async () => {
    const guard = guarded({ sessionState: { verify: true } })
    const hidden = `DO $$ BEGIN PERFORM set_config('search_path', 'app', false); END $$`
    await releaseRolledBack(guard, [hidden, 'BEGIN'])
    expect(await guard.found('session-state')).toMatchObject({ left: ['search_path'], outcome: 'reset' })
  })

  it('nothing of the owner is left where it is released with an error, which closes it', async () => {
    const guard = guarded()
    const client = await guard.pool.connect()
    await client.query("SET app.tenant = 'alice'")
    await client.query('BEGIN')
    guard.clock.advance(10_300)
    await guard.found('idle-transaction')
    client.release(true)
    const { rows } = await guard.pool.query(`SELECT current_setting('app.tenant', true) AS tenant`)
    expect(rows).toEqual([{ tenant: null }])
    expect(guard.kinds()).toEqual(['idle-transaction'])
  })
})
