import { describe, expect, it } from 'vitest'
import { isSparedByResetAll } from '../../../src/core/session-state/setting-statements.ts'
import { cleared, left } from './effects.ts'

describe('SET leaves a setting', () => {
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
  ])('%s', (text, item) => {
    expect(left(text)).toEqual([item])
  })
})

describe('RESET, and SET to what there was before, take a setting back', () => {
  it.each([
    ['RESET search_path', ['setting search_path']],
    ['RESET app.tenant', ['setting app.tenant']],
    ['RESET ALL', ['setting']],
    ['RESET ROLE', ['setting role']],
    ['SET ROLE NONE', ['setting role']],
    ['SET search_path TO DEFAULT', ['setting search_path']],
    ['SET TIME ZONE LOCAL', ['setting timezone']],
    ["SET app.tenant = ''", ['setting app.tenant']],
    ['RESET SESSION AUTHORIZATION', ['setting session_authorization', 'setting role']],
  ])('%s', (text, items) => {
    expect(cleared(text)).toEqual(items)
  })
})

it('knows the settings that RESET ALL leaves as they are', () => {
  expect(isSparedByResetAll({ kind: 'setting', name: 'role' })).toBe(true)
  expect(isSparedByResetAll({ kind: 'setting', name: 'session_authorization' })).toBe(true)
  expect(isSparedByResetAll({ kind: 'setting', name: 'search_path' })).toBe(false)
  expect(isSparedByResetAll({ kind: 'channel', name: 'role' })).toBe(false)
})
