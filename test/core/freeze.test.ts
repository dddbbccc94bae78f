import { expect, it } from 'vitest'
import { deepFreeze } from '../../src/core/freeze.ts'

it('freezes what it is given, through and through, and gives the same back', () => {
  const value = { list: [{ deep: { deeper: 1 } }], nothing: null, absent: undefined }
  expect(deepFreeze(value)).toBe(value)
  expect(Object.isFrozen(value)).toBe(true)
  expect(Object.isFrozen(value.list)).toBe(true)
  expect(Object.isFrozen(value.list[0])).toBe(true)
  expect(Object.isFrozen(value.list[0]?.deep)).toBe(true)
})

it.each([1, 'text', true, null, undefined])('gives %j back as it is', (value) => {
  expect(deepFreeze(value)).toBe(value)
})
