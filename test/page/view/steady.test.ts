import { expect, it } from 'vitest'
import { Steady } from '../../../src/page/view/steady.ts'

it('keeps a moment while it only jitters, and follows when it changes', () => {
  const steady = new Steady()
  expect(steady.at('a', 1_000.4)).toBe(1_000)
  steady.turn()
  expect(steady.at('a', 1_003)).toBe(1_000)
  steady.turn()
  expect(steady.at('a', 2_000)).toBe(2_000)
})

it('forgets what was not asked for', () => {
  const steady = new Steady()
  steady.at('a', 1_000)
  steady.turn()
  steady.turn()
  expect(steady.at('a', 1_100)).toBe(1_100)
})
