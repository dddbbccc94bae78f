import { describe, expect, it } from 'vitest'
import { HoldSketch } from '../../../src/core/statistics/hold-sketch.ts'
import { seeded } from '../seeded.ts'

/** The value that so large a part of the values does not exceed. */
function exact(values: readonly number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] as number
}

describe('a sketch of durations', () => {
  it.each([
    ['spread evenly', (random: () => number) => random() * 2_000 + 0.1],
    ['over many magnitudes', (random: () => number) => 0.1 * 10 ** (random() * 8)],
    ['with two peaks', (random: () => number) => (random() < 0.9 ? 2 : 40_000) * (0.5 + random())],
  ])('is off by at most 5 %% where they are %s', (_name, draw) => {
    const random = seeded(7)
    const values = Array.from({ length: 20_000 }, () => draw(random))
    const sketch = new HoldSketch()
    for (const value of values) sketch.add(value)
    for (const part of [0.01, 0.5, 0.9, 0.95, 0.99, 0.999]) {
      const wanted = exact(values, part)
      expect(Math.abs(sketch.quantile(part) - wanted) / wanted).toBeLessThanOrEqual(0.05)
    }
    expect(sketch.max).toBe(Math.max(...values))
  })

  it('takes in what is shorter and longer than its bounds', () => {
    const sketch = new HoldSketch()
    for (const millis of [0, 0.01, 7 * 24 * 3_600_000]) sketch.add(millis)
    expect(sketch.quantile(0.5)).toBeLessThanOrEqual(0.1)
    expect(sketch.max).toBe(7 * 24 * 3_600_000)
  })

  it('counts one duration for many', () => {
    const sketch = new HoldSketch()
    sketch.add(10, 98)
    sketch.add(1_000, 2)
    expect(sketch.quantile(0.5)).toBeCloseTo(10, -0.5)
    expect(sketch.quantile(0.99)).toBeGreaterThan(900)
  })

  it('says 0 of nothing', () => {
    expect(new HoldSketch().quantile(0.99)).toBe(0)
  })
})
