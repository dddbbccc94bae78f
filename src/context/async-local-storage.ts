import { AsyncLocalStorage } from 'node:async_hooks'
import type { ScopeContext } from '../core/scope.ts'

/** The default context: carries the scope along asynchronous calls with Node's AsyncLocalStorage. */
export function asyncLocalStorageContext(): ScopeContext {
  const storage = new AsyncLocalStorage<unknown>()
  return {
    current: () => storage.getStore(),
    run: (value, work) => storage.run(value, work),
  }
}
