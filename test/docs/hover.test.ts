import { describe, expect, it } from 'vitest'
import { hovers } from './hovers.ts'

// That their examples compile is in `types.test.ts`.
describe('what an editor shows', () => {
  it('says something about each export', () => {
    expect(hovers().length).toBeGreaterThan(100)
    expect(
      hovers()
        .filter(({ text }) => text === '')
        .map(({ name }) => name),
    ).toEqual([])
  })

  it('has an example of each function', () => {
    const functions = hovers().filter(({ isFunction }) => isFunction)
    expect(functions.length).toBeGreaterThan(30)
    expect(functions.filter((one) => one.examples.length === 0).map(({ name }) => name)).toEqual([])
  })

  it('has the unit of each option that is a number of time', () => {
    const times = hovers().filter(({ name, isOption }) => isOption && name.endsWith('Millis'))
    expect(times.length).toBeGreaterThan(10)
    expect(times.filter(({ text }) => !/millisecond|\d m?s\b|time|how long/i.test(text))).toEqual([])
  })
})
