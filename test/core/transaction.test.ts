import { expect, it } from 'vitest'
import { transactionStatus } from '../../src/core/transaction.ts'

it.each([
  ['I', 'idle'],
  ['T', 'open'],
  ['E', 'failed'],
  ['t', 'idle'],
  ['', 'idle'],
  [undefined, 'idle'],
  [null, 'idle'],
  [84, 'idle'],
])('reads the status byte %j as %s: no verdict without evidence', (letter, status) => {
  expect(transactionStatus(letter)).toBe(status)
})
