import { expect, it } from 'vitest'
import { describeMillis } from '../../src/text/duration.ts'

it.each([
  [0, '0 ms'],
  [0.4, '0 ms'],
  [1, '1 ms'],
  [340.2, '340 ms'],
  [999, '999 ms'],
  [999.6, '1 s'],
  [1000, '1 s'],
  [1049, '1 s'],
  [1050, '1.1 s'],
  [4100, '4.1 s'],
  [10_000, '10 s'],
  [41_234, '41.2 s'],
  [59_949, '59.9 s'],
  [59_950, '1 min'],
  [60_000, '1 min'],
  [60_499, '1 min'],
  [60_500, '1 min 1 s'],
  [125_000, '2 min 5 s'],
  [3_599_499, '59 min 59 s'],
  [3_599_500, '1 h'],
  [3_600_000, '1 h'],
  [11_400_000, '3 h 10 min'],
  [86_400_000, '24 h'],
  [360_000_000, '100 h'],
])('says %d milliseconds as %j', (millis, text) => {
  expect(describeMillis(millis)).toBe(text)
})

it('never says sixty of a unit that has a next one', () => {
  for (let millis = 0; millis < 8_000_000; millis += 37) {
    const text = describeMillis(millis)
    if (/\b(?:60 s|60 min|1000 ms)\b/.test(text)) expect([millis, text]).toEqual([millis, 'something else'])
  }
})
