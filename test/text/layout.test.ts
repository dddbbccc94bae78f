import { describe, expect, it } from 'vitest'
import { counted, cut } from '../../src/text/layout.ts'

describe('a text', () => {
  it('is cut to what is left of a line', () => {
    expect(cut('x'.repeat(50), 44, 4)).toBe(`${'x'.repeat(37)}...`)
    expect(cut('short', 44, 4)).toBe('short')
  })

  it('stays whole where there are no columns', () => {
    expect(cut('x'.repeat(500), undefined, 4)).toBe('x'.repeat(500))
  })

  it('keeps a character on a line that is full', () => {
    expect(cut('xyz'.repeat(9), 40, 60)).toBe('x...')
  })
})

describe('a count', () => {
  it.each([
    [0, '0 sessions'],
    [1, '1 session'],
    [2, '2 sessions'],
  ])('of %i is %s', (count, text) => expect(counted(count, 'session')).toBe(text))

  it('has the plural that it is given', () => expect(counted(2, 'query', 'queries')).toBe('2 queries'))
})
