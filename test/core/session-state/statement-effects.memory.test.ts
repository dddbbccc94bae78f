import { expect, it } from 'vitest'
import { sessionChanges } from '../../../src/core/session-state/statement-effects.ts'
import { heapBytes } from '../../support/garbage.ts'

const changing = (n: number) => `SET app.value_${n} TO '${'x'.repeat(900)}'`

it('remembers the effects of a bounded number of texts', () => {
  const before = heapBytes()
  for (let n = 0; n < 20_000; n += 1) expect(sessionChanges(changing(n))).toHaveLength(1)
  // The texts alone would be eighteen megabytes.
  expect(heapBytes() - before).toBeLessThan(5 * 2 ** 20)
})
