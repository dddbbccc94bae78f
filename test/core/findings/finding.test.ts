import { expect, it } from 'vitest'
import { bitOf, findingKinds, isLeak } from '../../../src/core/findings/finding.ts'

it('gives each kind a bit of its own', () => {
  const bits = findingKinds.map(bitOf)
  expect(new Set(bits).size).toBe(findingKinds.length)
  expect(bits.reduce((all, bit) => all | bit, 0)).toBe(2 ** findingKinds.length - 1)
})

it.each([
  ['certain', 'outlived-scope', true],
  ['certain', 'double-release', true],
  ['suspected', 'long-hold', false],
  ['certain', 'session-killed', false],
] as const)('a finding that is %s, of the kind %s, is a leak: %s', (certainty, kind, leak) => {
  expect(isLeak({ certainty, kind })).toBe(leak)
})
