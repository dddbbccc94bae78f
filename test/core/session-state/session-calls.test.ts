import { describe, expect, it } from 'vitest'
import { acts, cleared, left } from './effects.ts'

describe('set_config', () => {
  it.each([
    ["SELECT set_config('app.tenant', '7', false)", 'setting app.tenant'],
    ["SELECT pg_catalog.set_config('App.Tenant', $1, false)", 'setting app.tenant'],
    [
      "WITH t AS (SELECT 1) SELECT set_config('search_path', 'a' || 'b', FALSE) FROM t",
      'setting search_path',
    ],
  ])('%s', (text, item) => {
    expect(left(text)).toEqual([item])
  })

  it.each([
    ["SELECT set_config('app.tenant', '', false)", ['setting app.tenant']],
    ["SELECT set_config('app.tenant', NULL, false)", ['setting app.tenant']],
  ])('%s', (text, items) => {
    expect(cleared(text)).toEqual(items)
  })
})

describe('advisory locks', () => {
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
