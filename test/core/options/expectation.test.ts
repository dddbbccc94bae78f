import { expect, it } from 'vitest'
import { expectationOf } from '../../../src/core/options/expectation.ts'
import type { Row } from '../../../src/core/options/rows.ts'

it.each<[Row, string]>([
  [{ kind: 'boolean' }, 'must be true or false'],
  [{ kind: 'millis' }, 'must be a positive number of milliseconds (at most 2147483647)'],
  [{ kind: 'millis', off: true }, 'must be a positive number of milliseconds (at most 2147483647) or false'],
  [{ kind: 'millis', whole: true, most: 10 }, 'must be a positive whole number of milliseconds (at most 10)'],
  [{ kind: 'millis', zero: true, most: 10 }, 'must be a number of milliseconds from 0 to 10'],
  [{ kind: 'count', least: 0 }, 'must be a whole number, 0 or more'],
  [{ kind: 'count', least: 1, off: true }, 'must be a positive whole number or false'],
  [{ kind: 'choice', values: ['a'] }, 'must be "a"'],
  [{ kind: 'choice', values: ['a', 'b'] }, 'must be "a" or "b"'],
  [{ kind: 'choice', values: ['a', 'b', 'c'] }, 'must be "a", "b" or "c"'],
  [{ kind: 'string', content: 'any' }, 'must be a string'],
  [{ kind: 'string' }, 'must be a string that is not empty'],
  [{ kind: 'string', content: 'visible' }, 'must be a string that is not empty'],
  [{ kind: 'string', or: 'function' }, 'must be a string or a function that returns one'],
  [{ kind: 'string', or: 'RegExp' }, 'must be a string or a RegExp'],
  [{ kind: 'function' }, 'must be a function'],
  [{ kind: 'object', methods: ['write'] }, 'must be an object'],
  [{ kind: 'map' }, 'must be an object'],
  [{ kind: 'options', rows: {}, off: true }, 'must be an object or false'],
  [{ kind: 'array', of: { kind: 'boolean' } }, 'must be an array'],
  [{ kind: 'string', expected: 'must be a path' }, 'must be a path'],
])('%j %s', (row, expectation) => {
  expect(expectationOf(row)).toBe(expectation)
})
