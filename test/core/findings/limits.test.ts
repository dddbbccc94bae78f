import { describe, expect, it } from 'vitest'
import { limitRows } from '../../../src/core/findings/limits.ts'
import { resolveOptions } from '../../../src/options.ts'
import { failure } from '../../option-failure.ts'

describe('a limit', () => {
  const names = [
    'idleTransactionMillis',
    'transactionMillis',
    'holdMillis',
    'acquireWaitMillis',
    'scopeGraceMillis',
  ] as const

  it('is one of five', () => {
    expect(Object.keys(limitRows)).toEqual(names)
  })

  it.each(names)('%s takes a positive number or false', (name) => {
    for (const value of [false, 1, 0.5, 30_000, 2 ** 31 - 1] as const) {
      expect(resolveOptions({ limits: { [name]: value } }).limits[name]).toBe(value)
    }
  })

  it.each(names)('%s takes nothing else', (name) => {
    for (const [value, described] of [
      ['30s', '"30s"'],
      ['30000', '"30000"'],
      ['', '""'],
      [0, '0'],
      [-1, '-1'],
      [Number.NaN, 'NaN'],
      [Number.POSITIVE_INFINITY, 'Infinity'],
      [2 ** 31, '2147483648'],
      [10n, '10n'],
      [true, 'true'],
      [null, 'null'],
      [[], 'an array of 0'],
      [{}, 'an object'],
      [new Date(), 'a Date'],
      [() => 5, 'function (anonymous)'],
      [Symbol('soon'), 'Symbol(soon)'],
    ] as const) {
      expect(failure({ limits: { [name]: value } })).toMatchObject({
        option: `limits.${name}`,
        message: `limits.${name} must be a positive number of milliseconds (at most 2147483647) or false, got ${described}`,
      })
    }
  })
})
