import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { growingPause, systemPace } from '../../../src/postgres/look/pace.ts'

describe('a growing pause', () => {
  const pauses = { first: 1_000, most: 8_000 }

  it('doubles with each attempt, up to the longest', () => {
    expect([0, 1, 2, 3, 4, 50].map((attempt) => growingPause(attempt, pauses, 0.5))).toEqual([
      1_000, 2_000, 4_000, 8_000, 8_000, 8_000,
    ])
  })

  it('differs by chance, by a quarter at most', () => {
    expect(growingPause(1, pauses, 0)).toBe(1_500)
    expect(growingPause(1, pauses, 0.999_999)).toBe(2_500)
  })
})

describe('a pause of the system', () => {
  it('ends early and without an error when the signal fires, before it or during it', async () => {
    const controller = new AbortController()
    const pause = systemPace.pause(3_600_000, controller.signal)
    controller.abort()
    await pause
    await systemPace.pause(3_600_000, controller.signal)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })
})
