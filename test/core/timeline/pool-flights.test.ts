import { describe, expect, it } from 'vitest'
import { PoolFlights } from '../../../src/core/timeline/pool-flights.ts'

describe('the recording of one pool', () => {
  it('gives each checkout that is out a lane of its own, and a free one to the next', () => {
    const flights = new PoolFlights('main', 10)
    expect([flights.take(), flights.take(), flights.take()]).toEqual([0, 1, 2])
    flights.free(1)
    expect(flights.take()).toBe(1)
    expect(flights.take()).toBe(3)
  })

  it('gives one that is older than the recording a lane that was never used', () => {
    const flights = new PoolFlights('main', 10)
    flights.free(flights.take())
    expect(flights.takeNew()).toBe(1)
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
    const slots = Array.from({ length: 3_000 }, () => flights.take())
    expect(Math.max(...slots)).toBe(999)
  })
})
