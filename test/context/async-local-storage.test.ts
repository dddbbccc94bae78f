import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, it } from 'vitest'
import { asyncLocalStorageContext } from '../../src/context/async-local-storage.ts'
import { contextContract } from './contract.ts'

contextContract(asyncLocalStorageContext)

it('has no value outside of run', () => {
  expect(asyncLocalStorageContext().current()).toBeUndefined()
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
