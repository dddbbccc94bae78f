import { describe, expect, it } from 'vitest'
import { sqlTokens } from '../../src/sql/lexer.ts'
import { expectQuick } from '../support/quick.ts'

const tokens = (sql: string) => [...sqlTokens(sql)].map(({ kind, text }) => [kind, text])
const mebibyte = 2 ** 20

describe('a string', () => {
  it('goes on behind a line break and a comment', () => {
    expect(tokens("E'a' -- b\n 'c\\' d' e")).toEqual([
      ['string', "E'a' -- b\n 'c\\' d'"],
      ['blank', ' '],
      ['word', 'e'],
    ])
  })

  it('does not go on inside of a comment', () => {
    expect(tokens("'a' -- it's b\n, 1")).toEqual([
      ['string', "'a'"],
      ['blank', " -- it's b\n"],
      ['symbol', ','],
      ['blank', ' '],
      ['number', '1'],
    ])
  })
})

it('a comment ends with its line, whichever way the line ends', () => {
  expect(tokens('-- a\rSET')).toEqual([
    ['blank', '-- a\r'],
    ['word', 'SET'],
  ])
})

describe('a text that somebody else may have written', () => {
  it('takes no time out of proportion: a rule of dashes behind a string', () => {
    expectQuick(() => expect(tokens(`SELECT 'a' ${'-'.repeat(100_000)}\n, 1`)).toHaveLength(7))
  })

  it.each([
    ['a literal', 'string', "'", 'x', "'"],
    ['a literal with quotes', 'string', "'", "''", "'"],
    ['a literal with escapes', 'string', "E'", "\\'", "'"],
    ['an identifier', 'identifier', '"', 'x', '"'],
    ['a word', 'word', 'x', 'x', 'x'],
    ['a comment of many lines', 'blank', '-- x\n', '-- x\n', '-- x\n'],
    ['a comment of many levels', 'blank', '/*', '/* */', '*/'],
    ['a text in dollars', 'string', '$a$', '$b$', '$a$'],
  ])('may be of any length: %s', (_what, kind, open, piece, close) => {
    const text = `${open}${piece.repeat((16 * mebibyte) / piece.length)}${close}`
    const [token, ...more] = [...sqlTokens(text)]
    expect([token?.kind, token?.text === text, more.length]).toEqual([kind, true, 0])
  })
})
