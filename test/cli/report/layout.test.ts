import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { cut, wrap } from '../../../src/cli/report/layout.ts'

describe('text', () => {
  it('is wrapped between words, and left alone where nobody reads along', () => {
    const text = 'one two three four five six seven eight nine ten'
    expect(wrap(text, 40, '  ', '    ')).toEqual([
      '  one two three four five six seven',
      '    eight nine ten',
    ])
    expect(wrap(text, undefined, '')).toEqual([text])
  })

  it('is wrapped by columns, of which a wide character takes two', () => {
    const lines = wrap('\u65e5\u672c\u8a9e \u{1f469}\u200d\u{1f469}\u200d\u{1f467} '.repeat(12), 40, '  ')
    expect(lines.length).toBeGreaterThan(1)
    for (const line of lines.slice(0, -1)) {
      expect(stringWidth(line)).toBeLessThanOrEqual(40)
      expect(stringWidth(line)).toBeGreaterThan(30)
    }
  })

  it('loses nothing where letters are composed of several characters', () => {
    const word = 'ze\u0301lia'
    const lines = wrap(`${word} `.repeat(20), 40, '', '  ')
    expect(lines.join(' ').match(/z\u00e9lia/g)).toHaveLength(20)
  })

  it('keeps a word whole that is longer than a line', () => {
    const word = 'x'.repeat(60)
    expect(wrap(`a ${word} b`, 40, '')).toEqual(['a', word, 'b'])
  })

  it('is cut to what is left of a line', () => {
    expect(cut('x'.repeat(50), 44, 4)).toBe(`${'x'.repeat(37)}...`)
    expect(cut('short', 44, 4)).toBe('short')
    expect(cut('\u65e5'.repeat(50), 44, 4)).toBe(`${'\u65e5'.repeat(18)}...`)
  })

  it('is cut between characters as a reader sees them', () => {
    const family = '\u{1f469}\u200d\u{1f469}\u200d\u{1f467}'
    const text = cut(family.repeat(50), 44, 4)
    expect(text).toBe(`${family.repeat(18)}...`)
  })

  it('stays whole where there are no columns', () => {
    expect(cut('x'.repeat(500), undefined, 4)).toBe('x'.repeat(500))
  })

  it('keeps a character on a line that is full', () => {
    expect(cut('xyz'.repeat(9), 40, 60)).toBe('x...')
  })
})
