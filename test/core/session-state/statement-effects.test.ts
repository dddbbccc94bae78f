import { describe, expect, it } from 'vitest'
import {
  mayLeaveState,
  type SessionChange,
  sessionChanges,
} from '../../../src/core/session-state/statement-effects.ts'
import { expectQuick } from '../../support/quick.ts'

const left = (text: string) =>
  sessionChanges(text).flatMap((change) =>
    change.does === 'leave' ? [`${change.item.kind} ${change.item.name}`] : [],
  )
const cleared = (text: string) =>
  sessionChanges(text).flatMap((change) =>
    change.does === 'clear'
      ? [change.name === undefined ? change.kind : `${change.kind} ${change.name}`]
      : [],
  )
const acts = (text: string) => sessionChanges(text).map((change: SessionChange) => change.does)

describe('what a statement leaves in its session', () => {
  it.each([
    ['SET search_path TO app', 'setting search_path'],
    ['set search_path = app, public', 'setting search_path'],
    ['SET SESSION search_path TO app', 'setting search_path'],
    ['SET SCHEMA $$app$$', 'setting search_path'],
    ['  -- the tenant\n SET "app"."tenant" = \'7\'', 'setting app.tenant'],
    ["SET app.tenant TO '7'", 'setting app.tenant'],
    ["SET TimeZone = 'UTC'", 'setting timezone'],
    ["SET TIME ZONE 'Europe/Vienna'", 'setting timezone'],
    ["SET SESSION TIME ZONE 'UTC'", 'setting timezone'],
    ["SET NAMES 'latin1'", 'setting client_encoding'],
    ['SET ROLE tenant', 'setting role'],
    ['SET SESSION ROLE tenant', 'setting role'],
    ['SET SESSION AUTHORIZATION tenant', 'setting session_authorization'],
    ['SET SESSION SESSION AUTHORIZATION tenant', 'setting session_authorization'],
    ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', 'setting default_transaction_read_only'],
    [
      'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE',
      'setting default_transaction_isolation',
    ],
    ["SELECT set_config('app.tenant', '7', false)", 'setting app.tenant'],
    ["SELECT pg_catalog.set_config('App.Tenant', $1, false)", 'setting app.tenant'],
    [
      "WITH t AS (SELECT 1) SELECT set_config('search_path', 'a' || 'b', FALSE) FROM t",
      'setting search_path',
    ],
    ['LISTEN orders', 'channel orders'],
    ['LISTEN "Orders"', 'channel Orders'],
    ['CREATE TEMP TABLE scratch (id int)', 'temporary scratch'],
    ['CREATE TEMPORARY TABLE IF NOT EXISTS scratch AS SELECT 1', 'temporary scratch'],
    ['create local temp table pg_temp.scratch (id int) on commit delete rows', 'temporary scratch'],
    ['CREATE OR REPLACE TEMP VIEW v AS SELECT 1', 'temporary v'],
    ['CREATE TEMP SEQUENCE s', 'temporary s'],
    ['PREPARE plan (int) AS SELECT $1', 'prepared-statement plan'],
    ['DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'cursor c'],
    ['BEGIN; SET ROLE tenant; COMMIT', 'setting role'],
    ['SELECT 1; SET ROLE tenant', 'setting role'],
  ])('%s', (text, item) => {
    expect(left(text)).toEqual([item])
    expect(mayLeaveState(text)).toBe(true)
  })

  it.each([
    'SET LOCAL search_path TO app',
    'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
    'SET CONSTRAINTS ALL DEFERRED',
    "SELECT set_config('app.tenant', '7', true)",
    "SELECT set_config('app.tenant', $1, $2)",
    'SELECT set_config($1, $2, false)',
    "SELECT 'set_config(1)'",
    'CREATE TABLE temp_orders (id int)',
    'CREATE TABLE orders (temp int)',
    'CREATE TEMP TABLE scratch (id int) ON COMMIT DROP',
    'DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1',
    'DECLARE c CURSOR FOR SELECT 1',
    "PREPARE TRANSACTION 'gid'",
    'UPDATE users SET role = 1',
    "SELECT 'SET ROLE tenant; SET ROLE tenant'",
    'SELECT 1 -- ; SET ROLE tenant',
    'SELECT $$; SET ROLE tenant$$',
    '',
    ';',
    'SET',
    'SET role',
    "SELECT set_config('a', 'b'",
    'DECLARE',
    'LISTEN',
  ])('nothing: %s', (text) => {
    expect(left(text)).toEqual([])
  })

  it.each([
    'SELECT * FROM orders WHERE id = $1',
    'INSERT INTO settings (name) VALUES ($1)',
    'UPDATE users SET role = $1',
    'DELETE FROM listen',
    'BEGIN',
    'COMMIT',
    'CREATE TABLE orders (id int)',
    'DROP TABLE orders',
    'SELECT 1; SELECT 2',
    '/* SET */ SELECT 1',
  ])('is not even looked at: %s', (text) => {
    expect(mayLeaveState(text)).toBe(false)
  })
})

describe('what a statement takes back', () => {
  it.each([
    ['RESET search_path', ['setting search_path']],
    ['RESET app.tenant', ['setting app.tenant']],
    ['RESET ALL', ['setting']],
    ['RESET ROLE', ['setting role']],
    ['SET ROLE NONE', ['setting role']],
    ['SET search_path TO DEFAULT', ['setting search_path']],
    ['SET TIME ZONE LOCAL', ['setting timezone']],
    ["SET app.tenant = ''", ['setting app.tenant']],
    ["SELECT set_config('app.tenant', '', false)", ['setting app.tenant']],
    ["SELECT set_config('app.tenant', NULL, false)", ['setting app.tenant']],
    ['RESET SESSION AUTHORIZATION', ['setting session_authorization', 'setting role']],
    ['UNLISTEN orders', ['channel orders']],
    ['UNLISTEN *', ['channel']],
    ['DROP TABLE IF EXISTS a, pg_temp.b CASCADE', ['temporary a', 'temporary b']],
    ['DISCARD TEMP', ['temporary']],
    ['DEALLOCATE plan', ['prepared-statement plan']],
    ['DEALLOCATE PREPARE plan', ['prepared-statement plan']],
    ['DEALLOCATE ALL', ['prepared-statement']],
    ['CLOSE c', ['cursor c']],
    ['CLOSE ALL', ['cursor']],
  ])('%s', (text, items) => {
    expect(cleared(text)).toEqual(items)
  })

  it('DISCARD ALL takes everything back', () => {
    expect(cleared('DISCARD ALL')).toEqual([
      'setting',
      'channel',
      'temporary',
      'prepared-statement',
      'cursor',
      'setting role',
      'setting session_authorization',
    ])
    expect(acts('DISCARD ALL')).toContain('unlock-all')
  })
})

describe('what a statement does to the transaction', () => {
  it.each([
    ['COMMIT', ['commit']],
    ['END WORK', ['commit']],
    ["PREPARE TRANSACTION 'gid'", ['commit']],
    ['ROLLBACK', ['rollback']],
    ['ABORT', ['rollback']],
    ["COMMIT PREPARED 'gid'", []],
    ["ROLLBACK PREPARED 'gid'", []],
    ['SAVEPOINT a', ['savepoint']],
    ['ROLLBACK TO a', ['rollback-to']],
    ['ROLLBACK WORK TO SAVEPOINT a', ['rollback-to']],
    ['RELEASE a', ['release']],
    ['RELEASE SAVEPOINT a', ['release']],
  ])('%s', (text, does) => {
    expect(acts(text)).toEqual(does)
  })

  it.each([
    ['SELECT pg_advisory_lock(1)', ['lock']],
    ['select PG_ADVISORY_LOCK_SHARED($1, $2)', ['lock']],
    ['SELECT pg_try_advisory_lock(1)', ['lock']],
    ['SELECT pg_advisory_unlock(1)', ['unlock']],
    ['SELECT pg_advisory_unlock_all()', ['unlock-all']],
    ['SELECT pg_advisory_xact_lock(1)', []],
    ['SELECT pg_try_advisory_xact_lock(1)', []],
  ])('%s', (text, does) => {
    expect(acts(text)).toEqual(does)
  })
})

it('takes no longer for a hostile text than its length explains', () => {
  const calls = Array.from({ length: 5000 }, (_, n) => `set_config('app.a${n}', 'b', false)`)
  for (const text of [
    `INSERT INTO t VALUES ${"(1, 'abc', 2.5),".repeat(200_000)}`,
    `SELECT ${calls.join(', ')}`,
    `CREATE TEMP TABLE ${'a.'.repeat(50_000)}b (c int)`,
    'SET a.b = 1;'.repeat(10_000),
    `DROP TABLE ${'a,'.repeat(50_000)}b`,
    `SELECT set_config('a.b', 'c' ${'-'.repeat(1000)}\n, false)`,
  ]) {
    expectQuick(() => mayLeaveState(text))
    expectQuick(() => sessionChanges(text))
  }
})
