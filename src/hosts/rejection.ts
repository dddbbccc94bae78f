import type { Checkout } from '../core/checkout.ts'
import { excludeInBundle } from '../core/origin/own-code.ts'
import type { PoolCore } from './pool-host.ts'

/** A promise that either the pool or a remedy settles. `cancel` takes the caller out of the pool's queue, if it can. */
export function orRejected(
  core: Pick<PoolCore, 'makeRejectable'>,
  checkout: Checkout,
  connected: PromiseLike<unknown>,
  cancel: ((error: Error) => void) | undefined,
): PromiseLike<unknown> {
  if (cancel !== undefined) {
    core.makeRejectable(checkout, cancel)
    return connected
  }
  const rejected = new Promise((_resolve, reject) => core.makeRejectable(checkout, reject))
  return Promise.race([connected, rejected])
}

excludeInBundle(orRejected)
