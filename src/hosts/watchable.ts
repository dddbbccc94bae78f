import { EventEmitter } from 'node:events'
import type { Pool } from '../client/types.ts'
import { describeValue, WatchError } from '../errors.ts'

/** Marks a watched pool, also for other copies of this package. */
export const watchedMark = Symbol.for('pg-lifeguard.watched')

/** @throws WatchError if the argument is not shaped like a pool */
export function asPool(host: unknown): Pool {
  const missing = missingMethods(host)
  if (missing.length > 0) {
    const expected = "a pg.Pool or an object with the pool's methods connect and query"
    const found = typeof host === 'object' && host !== null ? ` without ${missing.join(' and ')}` : ''
    const advice = looksLikeClient(host) ? ' (this looks like a client: watch its pool)' : ''
    throw new WatchError(`watch(pool) expects ${expected}, got ${describeValue(host)}${found}${advice}`)
  }
  refuseNamesakes(host as object)
  return host as Pool
}

/** @throws WatchError if the pool is already watched, by another lifeguard or through another object */
export function refuseWatched(pool: object): void {
  const mark: unknown = Reflect.get(pool, watchedMark)
  // Watched from outside of the application, whose own lifeguard takes it over.
  if (typeof mark === 'function') mark()
  else if (mark !== undefined) {
    throw new WatchError('this pool is already watched by another lifeguard: unwatch it there first')
  }
}

/** Refuses objects that have methods of the same names but are no pools: watching them would see nothing. */
function refuseNamesakes(host: object): void {
  if (isCounted(host)) return
  const others = methodsOf(host).filter((name) => !ofPools.has(name))
  if (others.length === 0) return
  const shown = `${describeValue(host)} with the methods ${others.slice(0, 3).join(', ')} and without totalCount`
  const inside = propertiesOf(host).find(([, value]) => isPool(value))
  const where = inside === undefined ? '' : `, its property ${inside[0]}`
  throw new WatchError(`watch(pool) expects a pg.Pool, got ${shown}: watch the pool inside it${where}`)
}

function isPool(value: unknown): boolean {
  return typeof value === 'object' && value !== null && missingMethods(value).length === 0 && isCounted(value)
}

/** Getters are not called: they are foreign code. */
function propertiesOf(host: object): [string, unknown][] {
  return Object.entries(Object.getOwnPropertyDescriptors(host)).map(([name, { value }]) => [name, value])
}

/** A pool has a count of its connections. */
function isCounted(host: object): boolean {
  return typeof Reflect.get(host, 'totalCount') === 'number'
}

/** Methods that a pool may have, including those of an emitter. */
const ofPools: ReadonlySet<string> = new Set([
  'constructor',
  'connect',
  'query',
  'end',
  ...Object.getOwnPropertyNames(EventEmitter.prototype),
  ...Object.getOwnPropertyNames(Object.prototype),
])

/** Getters are not called: they may run code of the application. */
function methodsOf(host: object): string[] {
  const names = new Set<string>()
  for (let at: object | null = host; at !== null; at = Object.getPrototypeOf(at)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value === 'function') names.add(name)
    }
  }
  return [...names].filter((name) => !name.startsWith('_'))
}

function missingMethods(host: unknown): string[] {
  if (typeof host !== 'object' || host === null) return ['connect', 'query']
  const missing = ['connect', 'query'].filter((name) => typeof Reflect.get(host, name) !== 'function')
  return missing.length === 0 && looksLikeClient(host) ? ['totalCount'] : missing
}

/** A `pg.Client` has `connect` and `query`, too; watching it would see nothing. */
function looksLikeClient(host: unknown): boolean {
  return typeof host === 'object' && host !== null && 'connection' in host && 'processID' in host
}
