import { expect, it } from 'vitest'
import { harmless } from '../../src/core/harmless.ts'
import { obeyed, steering } from '../reporters/sample-findings.ts'

it('takes from a text what steers a terminal', () => {
  expect(harmless(steering)).toBe('\ufffd'.repeat(steering.length))
  expect(harmless('\u001b]0;title\u0007\u001b[2Jgone\r')).not.toMatch(obeyed)
})

it.each(['naïve "quoted" 🛟 日本語', 'of two lines\nand\ttabbed', ''])('leaves %j as it is', (text) => {
  expect(harmless(text)).toBe(text)
})
