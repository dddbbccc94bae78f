import { describe, expect, it } from 'vitest'
import { Sampler } from '../../../src/core/statistics/sampler.ts'
import { seeded } from '../seeded.ts'

describe('a sampler', () => {
  it('takes everything while it is rare', () => {
    const sampler = new Sampler(seeded(1))
    for (let n = 0; n < 500; n++) expect(sampler.weigh(n * 25)).toBe(1)
  })

  it('takes about fifty a second however many there are, and each stands for those passed over', () => {
    const sampler = new Sampler(seeded(2))
    let taken = 0
    let stoodFor = 0
    for (let n = 0; n < 100_000; n++) {
      const weight = sampler.weigh(n / 10)
      if (weight > 0) taken += 1
      stoodFor += weight
    }
    // Ten seconds, the first of which begins with all.
    expect(taken).toBeLessThan(1_200)
    expect(taken).toBeGreaterThan(350)
    expect(stoodFor).toBeGreaterThan(99_000)
    expect(stoodFor).toBeLessThanOrEqual(100_000)
  })

  it('does not favour one of two that take turns', () => {
    const sampler = new Sampler(seeded(3))
    const shares = [0, 0]
    for (let n = 0; n < 200_000; n++) shares[n % 2] = (shares[n % 2] ?? 0) + sampler.weigh(n / 10)
    const [first = 0, second = 0] = shares
    expect(Math.abs(first - second) / (first + second)).toBeLessThan(0.1)
  })

  it('takes everything again when the rush is over', () => {
    const sampler = new Sampler(seeded(4))
    for (let n = 0; n < 10_000; n++) sampler.weigh(n / 10)
    expect(sampler.interval).toBeGreaterThan(50)
    sampler.weigh(60_000)
    sampler.weigh(120_000)
    const weights = Array.from({ length: 500 }, (_, n) => sampler.weigh(130_000 + n * 100))
    expect(weights.slice(-200)).toEqual(Array.from({ length: 200 }, () => 1))
  })
})
