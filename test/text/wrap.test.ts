import { describe, expect, it } from 'vitest'
import { wrap } from '../../src/text/wrap.ts'

const text = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen'

describe('a text', () => {
  it('is broken between words, with every line indented', () => {
    expect(wrap(text, 40, '  ')).toEqual([
      '  one two three four five six seven',
      '  eight nine ten eleven twelve thirteen',
      '  fourteen',
    ])
  })

  it('may have another indent from its second line on', () => {
    expect(wrap(text, 40, '  - ', '    ')).toEqual([
      '  - one two three four five six seven',
      '    eight nine ten eleven twelve',
      '    thirteen fourteen',
    ])
  })

  it('fills a line to its last column', () => {
    expect(wrap(`${'a'.repeat(20)} ${'b'.repeat(17)} c`, 40, '  ')).toEqual([
      `  ${'a'.repeat(20)} ${'b'.repeat(17)}`,
      '  c',
    ])
  })

  it('keeps a word that is longer than a line whole', () => {
    expect(wrap(`a ${'b'.repeat(60)} c`, 40, '  ')).toEqual(['  a', `  ${'b'.repeat(60)}`, '  c'])
    expect(wrap('b'.repeat(60), 40, '  ')).toEqual([`  ${'b'.repeat(60)}`])
  })

  it.each([undefined, 0, 1, 39])('is left to a terminal of %s columns', (columns) => {
    expect(wrap(text, columns, '  ')).toEqual([`  ${text}`])
  })

  it('keeps a number with its unit', () => {
    expect(wrap(`${'a'.repeat(30)} open for 12 min 5 s, 3 more`, 44, '  ')).toEqual([
      `  ${'a'.repeat(30)} open for`,
      '  12 min 5 s, 3 more',
    ])
    expect(wrap(`${'a'.repeat(38)} 30 s`, 44, '  ')).toEqual([`  ${'a'.repeat(38)}`, '  30 s'])
  })

  it('loses no word', () => {
    for (let columns = 40; columns < 100; columns++) {
      const lines = wrap(text, columns, '  ')
      expect(lines.map((line) => line.trim()).join(' ')).toBe(text)
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(columns)
    }
  })
})
