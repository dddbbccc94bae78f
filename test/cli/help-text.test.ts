import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.ts'
import { helpText } from '../../src/cli/help-text.ts'
import { pgLifeguard } from './command-line.ts'

describe('a help text', () => {
  it('wraps paragraphs, whatever their own line breaks are', () => {
    const text = 'One two three\nfour five six seven eight nine.\n\nAnother paragraph.'
    expect(helpText(text, 40)).toBe('One two three four five six seven eight\nnine.\n\nAnother paragraph.')
  })

  it('aligns the text of rows behind their first column', () => {
    const text =
      'Codes:\n  0   everything is well, and there is no\n      reason to worry\n  75  locks\nAfter them.'
    expect(helpText(text, 40)).toBe(
      'Codes:\n  0   everything is well, and there is\n      no reason to worry\n  75  locks\nAfter them.',
    )
  })

  it('keeps a row without columns indented', () => {
    expect(helpText('Head:\n  one two three four five six seven eight nine', 40)).toBe(
      'Head:\n  one two three four five six seven\n  eight nine',
    )
  })

  it.each(commands.map(({ name }) => name))('of %s fits a terminal, but for examples', async (name) => {
    const { out } = await pgLifeguard([name, '--help'], { columns: 80 })
    const long = out.split('\n').filter((line) => line.length > 80 && !/^ {2}pg-lifeguard /.test(line))
    expect(long).toEqual([])
  })
})
