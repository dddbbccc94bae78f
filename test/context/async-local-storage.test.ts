import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { asyncLocalStorageContext } from '../../src/context/async-local-storage.ts'

it('has no value outside of run', () => {
  expect(asyncLocalStorageContext().current()).toBeUndefined()
})

it('carries a value along everything that the work starts, and no further', async () => {
  const context = asyncLocalStorageContext()
  const seen = await context.run('outer', async () => {
    await turn()
    const inner = await context.run('inner', async () => {
      await turn()
      return context.current()
    })
    return [inner, context.current()]
  })
  expect(seen).toEqual(['inner', 'outer'])
  expect(context.current()).toBeUndefined()
})

it('returns what the work returns, and throws what it throws', () => {
  const context = asyncLocalStorageContext()
  const result = {}
  expect(context.run('scope', () => result)).toBe(result)
  const error = new Error('no')
  expect(() =>
    context.run('scope', () => {
      throw error
    }),
  ).toThrow(error)
})

it('does not touch the storages of the application, nor another context', () => {
  const storage = new AsyncLocalStorage<string>()
  const context = asyncLocalStorageContext()
  const other = asyncLocalStorageContext()
  storage.run('theirs', () =>
    context.run('ours', () => {
      expect(storage.getStore()).toBe('theirs')
      expect(other.current()).toBeUndefined()
      storage.run('theirs again', () => expect(context.current()).toBe('ours'))
    }),
  )
})
