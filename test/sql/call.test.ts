import { describe, expect, it } from 'vitest'
import { argumentsAt, isColumn } from '../../src/sql/call.ts'
import { sqlTokens } from '../../src/sql/lexer.ts'

function tokensOf(sql: string) {
  return [...sqlTokens(sql)].filter(({ kind }) => kind !== 'blank')
}

describe('the arguments of a call', () => {
  it.each([
    ['f()', [[]]],
    ['f(1)', [['1']]],
    ["f('a, b', $1)", [["'a, b'"], ['$1']]],
    ['f(g(1, 2), 3)', [['g', '(', '1', ',', '2', ')'], ['3']]],
    ['f(1), g(2)', [['1']]],
    ['f(1, (2', [['1'], ['(', '2']]],
  ])('of %j are %j', (sql, expected) => {
    const tokens = tokensOf(sql)
    const found = argumentsAt(
      tokens,
      tokens.findIndex(({ text }) => text === '('),
    )
    expect(found.map((tokens) => tokens.map(({ text }) => text))).toEqual(expected)
  })
})

describe('a call', () => {
  it.each([
    ['SELECT f(1)', true],
    ['SELECT DISTINCT f(1) FROM t', true],
    ['SELECT a, pg_catalog.f(1), b', true],
    ['SELECT f(1)::text', true],
    ['SELECT f(1) AS done', true],
    ['SELECT * FROM f(1)', true],
    ['UPDATE t SET a = 1 RETURNING f(1)', true],
    ['SELECT f(g(1))', true],
    ['SELECT 1 WHERE f(1)', false],
    ['SELECT CASE WHEN a THEN f(1) END', false],
    ['SELECT f(1) IS NULL', false],
    ['SELECT f(1) AND a', false],
    ['SELECT f(1) + 1', false],
    ['SELECT coalesce(f(1), 2)', false],
  ])('in %j is a column by itself: %j', (sql, expected) => {
    const tokens = tokensOf(sql)
    expect(
      isColumn(
        tokens,
        tokens.findIndex(({ text }) => text === 'f'),
      ),
    ).toBe(expected)
  })
})
