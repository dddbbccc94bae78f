import type { Pool } from '../client/types.ts'
import { describeValue, WatchError } from '../errors.ts'

/** Marks a watched pool, also for another copy of this package. */
export const watchedMark = Symbol.for('pg-lifeguard.watched')

/** @throws WatchError if it is not shaped like a pool */
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
  return host as Pool
}

/** @throws WatchError if the pool is watched already, by another lifeguard or as a part of something else */
export function refuseWatched(pool: object): void {
  if (Reflect.has(pool, watchedMark)) {
    throw new WatchError('this pool is watched by another lifeguard already: unwatch it there first')
  }
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
