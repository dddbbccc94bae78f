import { expect, it } from 'vitest'
import { originOf } from '../../../src/core/origin/origin.ts'
import { heapBytes } from '../../support/garbage.ts'

it('remembers the lines of a bounded number of stacks', () => {
  const before = heapBytes()
  const kilobytes = 10
  for (let n = 1; n <= 5000; n += 1) {
    const name = 'f'.repeat(kilobytes * 1024)
    const stack = ['Error', `    at ${name} (/app/users.ts:${n}:5)`].join('\n')
    expect(originOf({ stack })?.line).toBe(n)
  }
  // All of them would be fifty megabytes.
  expect(heapBytes() - before).toBeLessThan(15 * 2 ** 20)
})
