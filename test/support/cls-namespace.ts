import type { AsyncHook } from 'node:async_hooks'
import { createRequire } from 'node:module'
import { createNamespace, destroyNamespace, type Namespace } from 'cls-hooked'
import { onTestFinished } from 'vitest'

type AsyncHooks = { createHook: (...callbacks: never[]) => AsyncHook }

/**
 * A namespace of cls-hooked that is gone when the test ends, with its hook: cls-hooked leaves that enabled, and it would
 * slow down and fill the memory of every test that runs in this process later.
 */
export function clsNamespace(name: string): Namespace {
  const asyncHooks = createRequire(import.meta.url)('node:async_hooks') as AsyncHooks
  const { createHook } = asyncHooks
  let hook: AsyncHook | undefined
  asyncHooks.createHook = (...callbacks) => {
    hook = createHook(...callbacks)
    return hook
  }
  try {
    return createNamespace(name)
  } finally {
    asyncHooks.createHook = createHook
    onTestFinished(() => {
      destroyNamespace(name)
      hook?.disable()
    })
  }
}
