import { expect, it } from 'vitest'
import { isReported } from '../../../src/core/findings/repeats.ts'

it('tells the first, the second, and then each power of ten', () => {
  const told: number[] = []
  for (let occurrence = 1; occurrence <= 1_000_000; occurrence++) {
    if (isReported(occurrence)) told.push(occurrence)
  }
  expect(told).toEqual([1, 2, 10, 100, 1000, 10_000, 100_000, 1_000_000])
})

it('still tells when there have been very many', () => {
  for (let power = 7; power <= 12; power++) {
    expect([isReported(10 ** power - 1), isReported(10 ** power), isReported(10 ** power + 1)]).toEqual([
      false,
      true,
      false,
    ])
  }
})
