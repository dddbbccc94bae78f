import { expect, it } from 'vitest'
import { firstOrigin, type OriginOf } from '../../../src/postgres/report/session-origin.ts'

it('is that of the first source that knows', () => {
  const named =
    (text: string, pid: number): OriginOf =>
    (session) =>
      session.pid === pid ? { source: 'tag', text } : undefined
  const originOf = firstOrigin([named('first', 1), named('second', 1), named('third', 2)])
  expect([1, 2, 3].map((pid) => originOf({ pid, hidden: false })?.text)).toEqual([
    'first',
    'third',
    undefined,
  ])
})
