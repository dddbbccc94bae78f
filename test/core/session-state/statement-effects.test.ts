import { describe, expect, it } from 'vitest'
import { sessionChanges } from '../../../src/core/session-state/statement-effects.ts'
import { expectQuick } from '../../support/quick.ts'
import { acts, cleared, hostileTexts, left } from './effects.ts'

describe('what a statement leaves in its session', () => {
  it.each([
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
})

describe('what a statement takes back', () => {
  it.each([
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
})

it('takes no longer for a hostile text than its length explains', () => {
  for (const text of hostileTexts()) expectQuick(() => sessionChanges(text))
})
