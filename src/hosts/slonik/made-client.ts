import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { Override } from '../../client/override.ts'
import type { Client } from '../../client/types.ts'

interface Making {
  client: Client | undefined
}

const makings = new AsyncLocalStorage<Making>()
/** The number of calls whose client has not been created yet. */
let expected = 0
let hook: Override | undefined

/**
 * Finds the client of node-postgres that `make` creates internally and does not expose. Every creator of a client
 * listens to its errors before it connects: that shows it. `EventEmitter.prototype.on` is overridden until then, which
 * is usually before `make` returns its promise.
 */
export async function withMadeClient<Result>(
  make: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly client: Client | undefined }> {
  const making: Making = { client: undefined }
  expect(1)
  try {
    const result = await makings.run(making, make)
    return { result, client: making.client }
  } finally {
    if (making.client === undefined) expect(-1)
  }
}

function expect(more: 1 | -1): void {
  expected += more
  if (expected > 0) hook ??= new Override(EventEmitter.prototype, 'on', seeClients)
  else {
    // If other code has overridden it meanwhile, ours stays behind it, and does nothing.
    hook?.restore()
    hook = undefined
  }
}

function seeClients(original: Override['original']): Override['original'] {
  return function (...args) {
    if (expected > 0 && isClient(this)) {
      const making = makings.getStore()
      if (making !== undefined && making.client === undefined) {
        making.client = this
        expect(-1)
      }
    }
    return Reflect.apply(original, this, args)
  }
}

function isClient(value: unknown): value is Client {
  return (
    typeof value === 'object' &&
    value !== null &&
    'connectionParameters' in value &&
    'processID' in value &&
    typeof Reflect.get(value, 'query') === 'function'
  )
}
