import { expect, it } from 'vitest'
import { markdownSummary } from '../../src/reporters/markdown.ts'
import { findings } from './ci-findings.ts'

it('is a table in which nothing is markup', () => {
  const lines = markdownSummary(findings).trimEnd().split('\n')
  expect(lines[2]).toBe('| finding | where | in | likely cause |')
  expect(lines).toHaveLength(7)
  for (const line of lines.slice(2)) expect(line.match(/\|/g)).toHaveLength(5)
  expect(lines[4]).toContain('src/my orders, 100%.ts:12')
  expect(lines[4]).not.toMatch(/<b>/)
  expect(markdownSummary([])).toBe('')
})
