import { expect, it } from 'vitest'
import {
  groupsBy,
  likeness,
  pidsText,
  rangeText,
  withoutClient,
  withoutProcess,
} from '../../../src/cli/report/alike.ts'

const session = { pid: 1, application: 'api', user: 'app', state: 'idle in transaction', query: 'SELECT ?' }

it('takes sessions for alike that do the same, whatever their process, client and trace', () => {
  const own = likeness({
    ...session,
    application: 'api (pid 1 on web-1)',
    query: "SELECT ? /*traceparent='1'*/",
  })
  const other = likeness({
    ...{ ...session, pid: 2, client: '10.0.0.7:1', stateMillis: 5 },
    ...{ application: 'api (pid 2 on web-2)', query: "SELECT ? /*traceparent='2'*/" },
  })
  expect(own).toBe(other)
  for (const different of [{ application: 'web' }, { query: 'SELECT 2' }, { state: 'idle' }, { user: 'x' }]) {
    expect(likeness({ ...session, ...different })).not.toBe(likeness(session))
  }
})

it('groups in the order in which the first of each comes', () => {
  expect(groupsBy([3, 1, 4, 1, 5, 9], (number) => String(number % 2))).toEqual([[3, 1, 1, 5, 9], [4]])
})

it('names some pids and counts the rest', () => {
  expect(pidsText([1])).toBe('pid 1')
  expect(pidsText([1, 2, 3])).toBe('pids 1, 2, 3')
  expect(pidsText([1, 2, 3], 2)).toBe('pids 1, 2 and 1 more')
})

it('names the shortest and the longest, or one of them', () => {
  expect(rangeText([41_000, 30_000])).toBe('30 s to 41 s')
  expect(rangeText([41_000, 41_010])).toBe('41 s')
})

it('leaves out what is of one session alone', () => {
  expect(withoutClient({ pid: 1, client: 'local' })).toEqual({ pid: 1 })
  expect([withoutProcess('orders (pid 4711 on web-3)'), withoutProcess('orders')]).toEqual([
    'orders',
    'orders',
  ])
})
