import { expect, it } from 'vitest'
import { isThenable } from '../../src/core/thenable.ts'

function withThen(value: unknown): object {
  return Object.fromEntries([['then', value]])
}

it.each([
  ['a promise', Promise.resolve()],
  ['an object with a method then', withThen(() => {})],
  ['one that inherits it, as query builders do', Object.create(withThen(() => {}))],
])('takes %s for something to await', (_what, value) => {
  expect(isThenable(value)).toBe(true)
})

it.each([undefined, null, 1, 'then', {}, withThen(true), () => {}])(
  'does not take %s for something to await',
  (value) => {
    expect(isThenable(value)).toBe(false)
  },
)
