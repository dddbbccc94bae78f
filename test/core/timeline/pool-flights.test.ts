import { describe, expect, it } from 'vitest'
import { PoolFlights } from '../../../src/core/timeline/pool-flights.ts'

describe('the recording of one pool', () => {
  it('gives checkouts that overlap lanes of their own, and the lowest free one to the next', () => {
    const flights = new PoolFlights('main', 10)
    expect([flights.take(0), flights.take(1), flights.take(2)]).toEqual([0, 1, 2])
    flights.free(1, 5)
    expect(flights.take(4)).toBe(3)
    expect(flights.take(5)).toBe(1)
  })

  it('has the 95th percentile of the last waits', () => {
    const flights = new PoolFlights('main', 10)
    expect(flights.waitP95Millis).toBeUndefined()
    for (let millis = 1; millis <= 100; millis += 1) flights.noteWait(millis)
    expect(flights.waitP95Millis).toBe(95)
    for (let at = 0; at < 500; at += 1) flights.noteWait(7)
    expect(flights.waitP95Millis).toBe(7)
  })

  it('does not grow with the number of clients', () => {
    const flights = new PoolFlights('main', 10)
    const slots = Array.from({ length: 3_000 }, () => flights.take(0))
    expect(Math.max(...slots)).toBe(999)
  })
})
