import { expect, it } from 'vitest'
import { enoughRead, StackSampler } from '../../../src/core/origin/stack-sampler.ts'

/** The readings among many chances. */
const readings = (sampler: StackSampler) =>
  Array.from({ length: 100 }, () => sampler.take()).filter(Boolean).length

it('reads the first ones, then two, after twice as many sweeps each time', () => {
  const sampler = new StackSampler()
  expect([readings(sampler), readings(sampler)]).toEqual([enoughRead, 0])
  const sweeps = Array.from({ length: 90 }, (_, sweep) => {
    sampler.sweep()
    const read = readings(sampler)
    return read === 0 ? [] : [[sweep, read]]
  })
  expect(sweeps.flat()).toEqual([
    [0, 2],
    [2, 2],
    [6, 2],
    [14, 2],
    [30, 2],
    [56, 2],
    [82, 2],
  ])
})

it('reads soon again when there was something new', () => {
  const sampler = new StackSampler()
  readings(sampler)
  for (let sweep = 0; sweep < 20; sweep += 1) {
    sampler.sweep()
    readings(sampler)
  }
  sampler.quicken()
  sampler.sweep()
  expect(readings(sampler)).toBe(2)
})
