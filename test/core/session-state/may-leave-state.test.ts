import { describe, expect, it } from 'vitest'
import { mayLeaveState } from '../../../src/core/session-state/may-leave-state.ts'
import { expectQuick } from '../../support/quick.ts'
import { hostileTexts } from './effects.ts'

describe('a statement', () => {
  it.each([
    'SET search_path TO app',
    'set search_path = app, public',
    'SET SESSION search_path TO app',
    'SET SCHEMA $$app$$',
    '  -- the tenant\n SET "app"."tenant" = \'7\'',
    "SET app.tenant TO '7'",
    "SET TimeZone = 'UTC'",
    "SET TIME ZONE 'Europe/Vienna'",
    "SET SESSION TIME ZONE 'UTC'",
    "SET NAMES 'latin1'",
    'SET ROLE tenant',
    'SET SESSION ROLE tenant',
    'SET SESSION AUTHORIZATION tenant',
    'SET SESSION SESSION AUTHORIZATION tenant',
    'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY',
    'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE',
    "SELECT set_config('app.tenant', '7', false)",
    "SELECT pg_catalog.set_config('App.Tenant', $1, false)",
    "WITH t AS (SELECT 1) SELECT set_config('search_path', 'a' || 'b', FALSE) FROM t",
    'LISTEN orders',
    'LISTEN "Orders"',
    'CREATE TEMP TABLE scratch (id int)',
    'CREATE TEMPORARY TABLE IF NOT EXISTS scratch AS SELECT 1',
    'create local temp table pg_temp.scratch (id int) on commit delete rows',
    'CREATE OR REPLACE TEMP VIEW v AS SELECT 1',
    'CREATE TEMP SEQUENCE s',
    'PREPARE plan (int) AS SELECT $1',
    'DECLARE c CURSOR WITH HOLD FOR SELECT 1',
    'BEGIN; SET ROLE tenant; COMMIT',
    'SELECT 1; SET ROLE tenant',
  ])('that leaves something is looked at: %s', (text) => {
    expect(mayLeaveState(text)).toBe(true)
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

it('takes no longer for a hostile text than its length explains', () => {
  for (const text of hostileTexts()) expectQuick(() => mayLeaveState(text))
})
