import { describe, expect, it } from 'vitest'
import { nearest } from '../../src/text/nearest.ts'

const words = ['mode', 'limits', 'remedies', 'reporters', 'reportsPerMinute', 'tag', 'clock', 'holdMillis']

describe('the nearest word', () => {
  it.each([
    ['a letter too few', 'limit', 'limits'],
    ['a letter too many', 'modee', 'mode'],
    ['another letter', 'cloak', 'clock'],
    ['two letters swapped', 'mdoe', 'mode'],
    ['another case', 'MODE', 'mode'],
    ['only the beginning', 'hold', 'holdMillis'],
    ['several slips in a long word', 'reportPerMinutes', 'reportsPerMinute'],
    ['the word itself', 'tag', 'tag'],
  ])('is found with %s', (_slip, given, word) => {
    expect(nearest(given, words)).toBe(word)
  })

  it('is the one with the fewest slips', () => {
    expect(nearest('reporter', words)).toBe('reporters')
    expect(nearest('reports', ['reporters', 'reported', 'reportz'])).toBe('reportz')
  })

  it.each(['', 'x', 'me', 'timeout', 'constructor', 'lim\u0000ts-and-more'])('is none for %j', (given) => {
    expect(nearest(given, words)).toBeUndefined()
  })

  it('is compared by a part of it', () => {
    const part = (word: string) => word.split('.').at(-1) ?? ''
    expect(nearest('holdMilis', ['limits.holdMillis', 'tag.origin'], part)).toBe('limits.holdMillis')
  })

  it('is none among no words', () => {
    expect(nearest('mode', [])).toBeUndefined()
  })
})
