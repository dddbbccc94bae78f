import { describe, expect, it } from 'vitest'
import { counted } from '../../src/text/layout.ts'

describe('a count', () => {
  it.each([
    [0, '0 sessions'],
    [1, '1 session'],
    [2, '2 sessions'],
  ])('of %i is %s', (count, text) => expect(counted(count, 'session')).toBe(text))

  it('has the plural that it is given', () => expect(counted(2, 'query', 'queries')).toBe('2 queries'))
})
