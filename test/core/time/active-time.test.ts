import { describe, expect, it } from 'vitest'
import { ActiveTime } from '../../../src/core/time/active-time.ts'
import { type ManualClock, manualClock } from '../../../src/core/time/clock.ts'
import { randomFrom } from '../session-state/random-sql.ts'

const period = 200

/** The time of a process that is alive: a tick each period, for as long as it is watched. */
function ticking(): { clock: ManualClock; time: ActiveTime } {
  const clock = manualClock()
  const time = new ActiveTime(clock, period)
  const tick = () => {
    time.tick()
    clock.schedule(tick, period)
  }
  tick()
  return { clock, time }
}

describe('a process that is alive', () => {
  it('lives through as much time as passes', () => {
    const { clock, time } = ticking()
    const start = time.now()
    clock.advance(60_000)
    expect(time.now() - start).toBe(60_000)
  })

  it('is not thought to have paused because a timer is late by a period', () => {
    const clock = manualClock()
    const time = new ActiveTime(clock, period)
    for (let ticks = 0; ticks < 10; ticks++) {
      time.tick()
      clock.stall(period * 2)
    }
    expect(time.now()).toBe(10 * period * 2)
  })
})

describe('a pause', () => {
  it('is discounted, but for the period that a process at work would have had', () => {
    const { clock, time } = ticking()
    clock.stall(3_600_000)
    expect(time.now()).toBe(period)
  })

  it('is discounted once, whoever notices it first', () => {
    const { clock, time } = ticking()
    clock.stall(10_000)
    const afterPause = time.now()
    clock.advance(0)
    time.tick()
    expect(time.now()).toBe(afterPause)
  })

  it('is noticed by a tick that nobody read the time before', () => {
    const { clock, time } = ticking()
    clock.stall(10_000)
    time.tick()
    expect(time.now()).toBe(period)
  })

  it('leaves what follows it untouched, so that a checkout made right after it starts at the right time', () => {
    const { clock, time } = ticking()
    clock.advance(1000)
    clock.stall(10_000)
    const acquiredAt = time.now()
    clock.advance(5000)
    expect(time.now() - acquiredAt).toBe(5000)
  })

  it('counts for a checkout that was there before it as one period at most', () => {
    const { clock, time } = ticking()
    const acquiredAt = time.now()
    clock.advance(5000)
    clock.stall(600_000)
    clock.advance(5000)
    const age = time.now() - acquiredAt
    expect(age).toBeGreaterThanOrEqual(10_000)
    expect(age).toBeLessThanOrEqual(10_000 + period)
  })

  it('is discounted again and again', () => {
    const { clock, time } = ticking()
    for (let pauses = 1; pauses <= 5; pauses++) {
      clock.stall(60_000)
      time.tick()
      expect(time.now()).toBe(pauses * period)
    }
  })
})

describe('a rest', () => {
  it('is no pause: while nothing is watched, time passes unseen', () => {
    const { clock, time } = ticking()
    time.rest()
    clock.stall(3_600_000)
    expect(time.now()).toBe(3_600_000)
  })

  it('ends with the next tick, and what came before it stays', () => {
    const clock = manualClock()
    const time = new ActiveTime(clock, period)
    time.tick()
    time.rest()
    clock.stall(10_000)
    time.tick()
    expect(time.now()).toBe(10_000)
    clock.stall(10_000)
    expect(time.now()).toBe(10_000 + period)
  })

  it('is what it starts with', () => {
    const clock = manualClock(500)
    const time = new ActiveTime(clock, period)
    clock.stall(10_000)
    expect(time.now()).toBe(10_500)
  })
})

describe('readings', () => {
  it('never go backwards and never run ahead of the clock', () => {
    const wrong: string[] = []
    for (let seed = 1; seed <= 500; seed++) {
      const random = randomFrom(seed)
      const clock = manualClock()
      const time = new ActiveTime(clock, period)
      time.tick()
      let reading = time.now()
      for (let step = 0; step < 100; step++) {
        const passed = Math.floor(random() ** 3 * 1000)
        clock.stall(passed)
        if (random() < 0.3) time.tick()
        const lived = time.now() - reading
        if (lived < 0 || lived > passed) wrong.push(`seed ${seed}, step ${step}: ${lived} of ${passed} ms`)
        reading += lived
      }
    }
    expect(wrong).toEqual([])
  })

  it('are dated by the clock of the wall', () => {
    const { clock, time } = ticking()
    clock.advance(1000)
    const reading = time.now()
    const date = clock.epochMillis()
    clock.advance(5000)
    expect(time.epochMillis(reading)).toBe(date)
    expect(time.epochMillis(time.now())).toBe(date + 5000)
  })

  it('are dated in whole milliseconds', () => {
    const clock = manualClock(0.4)
    const time = new ActiveTime({ ...clock, epochMillis: () => Date.UTC(2026, 0, 1) + clock.now() }, period)
    clock.stall(0.25)
    expect(Number.isInteger(time.epochMillis(time.now()))).toBe(true)
  })
})
