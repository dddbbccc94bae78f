import { expect, it } from 'vitest'
import { isTold } from '../../../src/core/findings/repeats.ts'

it('tells the first, the second, and then each power of ten', () => {
  const told: number[] = []
  for (let occurrence = 1; occurrence <= 1_000_000; occurrence++) {
    if (isTold(occurrence)) told.push(occurrence)
  }
  expect(told).toEqual([1, 2, 10, 100, 1000, 10_000, 100_000, 1_000_000])
})

it('still tells when there have been very many', () => {
  for (let power = 7; power <= 12; power++) {
    expect([isTold(10 ** power - 1), isTold(10 ** power), isTold(10 ** power + 1)]).toEqual([
      false,
      true,
      false,
    ])
  }
})
