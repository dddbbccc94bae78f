import type { Client, Pool } from '../client/types.ts'
import { activeQuery } from '../client/work.ts'
import type { Checkout, CheckoutPool } from '../core/checkout.ts'
import type { PassingQuery } from '../core/pool-record.ts'
import { describeValue, WatchError } from '../errors.ts'
import { statementText } from '../sql/statement.ts'

/** Marks a watched pool, also for another copy of this package. */
export const watchedMark = Symbol.for('pg-lifeguard.watched')

/** The books of one pool, and what the pool says of itself when asked. */
export function poolRecord(
  pool: Pool,
  name: string,
  isTracked: (client: Client) => boolean,
  forgetReleased: () => void,
): CheckoutPool {
  return {
    name,
    out: new Set<Checkout>(),
    waiters: new Set<Checkout>(),
    endingSince: undefined,
    gauge: () => ({
      total: pool.totalCount ?? 0,
      idle: pool.idleCount ?? 0,
      waiting: pool.waitingCount ?? 0,
      max: typeof pool.options?.max === 'number' ? pool.options.max : undefined,
      min: typeof pool.options?.min === 'number' ? pool.options.min : undefined,
    }),
    forgetReleased,
    passingQueries() {
      const passing: PassingQuery[] = []
      for (const client of pool._clients ?? []) {
        const query = activeQuery(client)
        if (query === undefined || isTracked(client)) continue
        const { processID } = client
        passing.push({
          pid: typeof processID === 'number' ? processID : undefined,
          text: statementText(query),
        })
      }
      return passing
    },
  }
}

/** @throws WatchError if it is not shaped like a pool, or watched already */
export function asPool(host: unknown): Pool {
  const missing = missingMethods(host)
  if (missing.length > 0) {
    const expected = "a pg.Pool or an object with the pool's methods connect and query"
    const found = typeof host === 'object' && host !== null ? ` without ${missing.join(' and ')}` : ''
    const advice = looksLikeClient(host)
      ? ' (this looks like a client; watch the pool that it comes from)'
      : ''
    throw new WatchError(`watch(pool) expects ${expected}, got ${describeValue(host)}${found}${advice}`)
  }
  if (Reflect.has(host as object, watchedMark)) {
    throw new WatchError('this pool is watched by another lifeguard already: unwatch it there first')
  }
  return host as Pool
}

function missingMethods(host: unknown): string[] {
  if (typeof host !== 'object' || host === null) return ['connect', 'query']
  const missing = ['connect', 'query'].filter((name) => typeof Reflect.get(host, name) !== 'function')
  return missing.length === 0 && looksLikeClient(host) ? ['totalCount'] : missing
}

/** A `pg.Client` has `connect` and `query`, too, and would be watched in vain. */
function looksLikeClient(host: unknown): boolean {
  return typeof host === 'object' && host !== null && 'connection' in host && 'processID' in host
}
