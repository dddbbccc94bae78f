import { expect, it } from 'vitest'
import { withoutFigures } from './figures.ts'

it('takes a report of a busy machine for that of an idle one', () => {
  const idle =
    '2026-11-28T17:29:34Z leak\n  server pid 7, idle in an open transaction for 502 ms, 2 queries\n  last query: SELECT 1'
  const busy = `2026-12-24T06:00:01Z leak
  server pid 12345, idle in an open transaction for 1.2 s, transaction open for 1.4 s, held
  for 2 s, 2 queries, 14 ms in
  the database
  last query: SELECT 1  `
  expect(withoutFigures(busy)).toBe(withoutFigures(idle))
})

it('keeps everything else', () => {
  const text = 'leak: outlived-scope in pool main\n  the test ended 3 s ago, and release was not reached'
  expect(withoutFigures(text)).toBe(text.replace('3 s', 'N s'))
})
