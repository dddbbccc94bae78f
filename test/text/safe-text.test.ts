import { expect, it } from 'vitest'
import { safeText } from '../../src/text/safe-text.ts'
import { obeyed, steering } from '../reporters/sample-findings.ts'

it('takes from a text what steers a terminal', () => {
  expect(safeText(steering)).toBe('\ufffd'.repeat(steering.length))
  expect(safeText('\u001b]0;title\u0007\u001b[2Jgone\r')).not.toMatch(obeyed)
})

it.each(['naïve "quoted" 🛟 日本語', 'of two lines\nand\ttabbed', ''])('leaves %j as it is', (text) => {
  expect(safeText(text)).toBe(text)
})
