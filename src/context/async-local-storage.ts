import { AsyncLocalStorage } from 'node:async_hooks'
import type { ScopeContext } from '../core/scope.ts'

/** Carries the scope along asynchronous calls by Node's own means. The default. */
export function asyncLocalStorageContext(): ScopeContext {
  const storage = new AsyncLocalStorage<unknown>()
  return {
    current: () => storage.getStore(),
    run: (value, work) => storage.run(value, work),
  }
}
