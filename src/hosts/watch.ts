import type { CheckoutEvents } from '../core/checkout-events.ts'
import type { Ledger } from '../core/ledger.ts'
import { pgPoolHost } from './pg-pool.ts'
import type { WatchSettings } from './pool-host.ts'
import { asPool } from './watchable.ts'
import { WatchedPool } from './watched-pool.ts'

/**
 * Watches a pool from now on.
 *
 * @throws WatchError if no host knows such a pool, or it is watched already
 */
export function watchPool(
  pool: unknown,
  settings: WatchSettings,
  ledger: Ledger,
  events: CheckoutEvents,
): WatchedPool {
  return new WatchedPool(pgPoolHost(asPool(pool)), settings, ledger, events)
}
