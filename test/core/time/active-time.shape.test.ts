import { expect, it } from 'vitest'
import { ActiveTime } from '../../../src/core/time/active-time.ts'
import { manualClock } from '../../../src/core/time/clock.ts'
import { haveOneShape } from '../../support/fast-object.ts'

// In a file of its own: after one pause, V8 makes all others in the shape that this one has got.
it('keeps its shape over the first pause, so that V8 need not compile its readers again', () => {
  const clock = manualClock(0.5)
  const time = new ActiveTime(clock, 200)
  const untouched = new ActiveTime(clock, 200)
  time.tick()
  clock.stall(12_345.25)
  expect(time.now()).toBeLessThan(1000)
  expect(haveOneShape(time, untouched)).toBe(true)
})
