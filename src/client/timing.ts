import type { CheckoutPool } from '../core/checkout.ts'
import { isAnyTimeout } from '../core/exhaustion.ts'
import type { Ledger } from '../core/ledger.ts'
import { Override } from './override.ts'
import { type Callback, isClient, type Pool } from './types.ts'

/**
 * Times a statement of `pool.query`, which has no checkout. `isWaiter`: it waits in a full pool, and its timeout is
 * recorded with the waiters.
 */
export function observedStatement(
  callback: Callback,
  record: CheckoutPool,
  ledger: Ledger,
  isWaiter: boolean,
): Callback {
  const requestedAt = ledger.time.now()
  return (error, client, done) => {
    if (error && !isWaiter && isAnyTimeout(error)) ledger.meter?.timedOut(record)
    if (error || !isClient(client)) return callback(error, client, done)
    const { release } = client
    if (release === undefined) return callback(error, client, done)
    const acquiredAt = ledger.time.now()
    ledger.meter?.acquired(record, acquiredAt - requestedAt)
    const observed = (reason?: unknown) => {
      // If it was replaced, the statement has become a checkout, which the ledger records.
      if (client.release === observed) ledger.meter?.released(record, ledger.time.now() - acquiredAt)
      return release(reason)
    }
    client.release = observed
    return callback(error, client, observed)
  }
}

/** Times the opening of connections, if the pool has pg-pool's own method for it. */
export function observedConnections(pool: Pool, record: CheckoutPool, ledger: Ledger): Override[] {
  if (typeof pool.newClient !== 'function') return []
  const replace = (original: Override['original']) =>
    function (this: unknown, ...args: unknown[]) {
      if (ledger.meter === undefined) return Reflect.apply(original, this, args)
      const since = ledger.time.now()
      const result = Reflect.apply(original, this, args)
      // Not by a listener on the pool: libraries would take it for a set-up of the clients.
      pool._clients
        ?.at(-1)
        ?.once?.('connect', () => ledger.meter?.connected(record, ledger.time.now() - since))
      return result
    }
  return [new Override(pool, 'newClient', replace)]
}
