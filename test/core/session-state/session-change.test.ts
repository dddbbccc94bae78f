import { describe, expect, it } from 'vitest'
import {
  clear,
  lastName,
  leaves,
  nameAt,
  settingName,
} from '../../../src/core/session-state/session-change.ts'
import { sqlTokens } from '../../../src/sql/lexer.ts'

const tokens = (text: string) => [...sqlTokens(text)].filter(({ kind }) => kind !== 'blank')

describe('a name', () => {
  it.each([
    ['Orders', 'orders'],
    ['"Orders"', 'Orders'],
    ['"a ""b"""', 'a "b"'],
    ["'orders'", ''],
    ['', ''],
  ])('%s is stored as %j', (text, name) => {
    expect(nameAt(tokens(text), 0)).toBe(name)
  })

  it('that is qualified counts by its last part', () => {
    expect(lastName(tokens('pg_temp.Scratch'), 0)).toBe('scratch')
    expect(lastName(tokens('a.b."C", d'), 0)).toBe('C')
  })

  it('of a setting is found whatever its case, even where it is quoted', () => {
    expect(settingName(tokens('"App".Tenant'))).toBe('app.tenant')
  })
})

describe('a change', () => {
  it('without a name leaves nothing, and takes back all of its kind', () => {
    expect(leaves('channel', '')).toEqual([])
    expect(clear('channel')).toEqual({ does: 'clear', kind: 'channel' })
    expect(clear('channel', 'orders')).toEqual({ does: 'clear', kind: 'channel', name: 'orders' })
  })
})
