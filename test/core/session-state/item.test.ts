import { describe, expect, it } from 'vitest'
import {
  advisoryLocks,
  describeItem,
  itemKey,
  resetStatements,
  type SessionItem,
} from '../../../src/core/session-state/item.ts'

const every: readonly [SessionItem, string, string][] = [
  [{ kind: 'setting', name: 'app.tenant' }, 'app.tenant', 'RESET "app"."tenant"'],
  [{ kind: 'channel', name: 'Orders' }, 'LISTEN Orders', 'UNLISTEN "Orders"'],
  [{ kind: 'temporary', name: 'scratch' }, 'temporary scratch', 'DISCARD TEMP'],
  [{ kind: 'prepared-statement', name: 'a"b' }, 'PREPARE a"b', 'DEALLOCATE "a""b"'],
  [{ kind: 'cursor', name: 'c' }, 'cursor c', 'CLOSE "c"'],
  [advisoryLocks, 'an advisory lock', 'SELECT pg_catalog.pg_advisory_unlock_all()'],
]

describe('an item', () => {
  it.each(every)(
    '%j is described by what a reader of SQL knows, and can be taken back',
    (item, text, reset) => {
      expect(describeItem(item)).toBe(text)
      expect(resetStatements([item])).toEqual([reset])
    },
  )

  it('has a key that it shares with equal items alone', () => {
    const keys = every.map(([item]) => itemKey(item))
    expect(new Set(keys).size).toBe(every.length)
    expect(itemKey({ kind: 'channel', name: 'Orders' })).toBe(itemKey({ name: 'Orders', kind: 'channel' }))
  })
})

it('resets the role before all that the role may forbid, and each thing once', () => {
  const settings = ['search_path', 'role', 'session_authorization'].map(
    (name): SessionItem => ({ kind: 'setting', name }),
  )
  const tables = ['a', 'b'].map((name): SessionItem => ({ kind: 'temporary', name }))
  expect(resetStatements([...settings, ...tables])).toEqual([
    'RESET SESSION AUTHORIZATION',
    'RESET "role"',
    'RESET "search_path"',
    'DISCARD TEMP',
  ])
})
