import pg from 'pg'
import { expect, it } from 'vitest'
import { isClient } from '../../src/client/types.ts'

it('takes for a client what can be sent a query', () => {
  expect([new pg.Client(), { query() {} }].map(isClient)).toEqual([true, true])
  expect([undefined, null, 'client', () => {}, {}, { query: 'SELECT 1' }].some(isClient)).toBe(false)
})
