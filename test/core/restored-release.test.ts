import { expect, it } from 'vitest'
import { noteRestored, presentRelease } from '../../src/core/restored-release.ts'

it('finds the release that took the place of one that was taken off with the guard', () => {
  const guarded = () => {}
  const own = () => {}
  expect(presentRelease(guarded)).toBe(guarded)
  noteRestored(guarded, own)
  expect(presentRelease(guarded)).toBe(own)
})
