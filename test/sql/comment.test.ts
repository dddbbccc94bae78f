import { describe, expect, it } from 'vitest'
import { isSentText, readSqlComment, sqlComment, tagged } from '../../src/sql/comment.ts'
import { seeded } from '../core/seeded.ts'

describe('a tag', () => {
  it('is a comment with sorted keys and encoded values', () => {
    expect(sqlComment({ route: 'GET /orders/:id', application: 'orders', traceparent: undefined })).toBe(
      " /*application='orders',route='GET%20%2Forders%2F%3Aid'*/",
    )
    expect(sqlComment({ route: undefined, origin: '' })).toBe('')
  })

  it('is the one of the specification', () => {
    expect(sqlComment({ route: "/param first/it's *", name: 'DROP TABLE FOO' })).toBe(
      " /*name='DROP%20TABLE%20FOO',route='%2Fparam%20first%2Fit%27s%20%2A'*/",
    )
  })

  it.each([
    '*/ DROP TABLE accounts --',
    "'); DROP TABLE accounts; --",
    '/* nested',
    '\u0000',
    '\ud800',
    '%27',
    "a'b*c/d\\e",
    '🏊',
    '$1 ?',
  ])('cannot be broken out of by %j', (value) => {
    const comment = sqlComment({ route: value })
    expect(comment).toMatch(/^ \/\*route='[\w.~%-]*'\*\/$/)
    const read = readSqlComment(`SELECT 1${comment}`)?.route
    expect(read).toBe(value === '\ud800' ? '\ufffd' : value)
  })

  it('is read again whatever its values are', () => {
    const random = seeded(11)
    for (let n = 0; n < 500; n++) {
      const characters = Array.from({ length: 20 }, () =>
        String.fromCharCode(32 + Math.floor(random() * 0x500)),
      )
      const values = { application: characters.slice(0, 10).join(''), route: characters.slice(10).join('') }
      expect(readSqlComment(tagged('SELECT 1', sqlComment(values)))).toEqual(values)
    }
  })

  it.each(['SELECT 1 -- the last line', 'SELECT 1 /* mine */', "SELECT '--'", "SELECT '/*'", '', '  \n'])(
    'is not put behind %j',
    (text) => {
      expect(tagged(text, " /*a='b'*/")).toBe(text)
    },
  )

  it('is not seen where there is none', () => {
    for (const text of [
      'SELECT 1',
      'SELECT 1 /* mine */',
      "SELECT 1 /*a='b'*/ + 1",
      '/**/',
      "SELECT '/*a=''b''*/'",
    ])
      expect(readSqlComment(text)).toBeUndefined()
  })

  it('does not hide which statement it was', () => {
    expect(isSentText('BEGIN', "BEGIN /*a='b'*/")).toBe(true)
    expect(isSentText('BEGIN', 'BEGIN')).toBe(true)
    expect(isSentText('BEGIN', 'BEGIN READ ONLY')).toBe(false)
    expect(isSentText('BEGIN', undefined)).toBe(false)
  })
})
