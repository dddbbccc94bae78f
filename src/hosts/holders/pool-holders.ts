import { callAfter } from '../../client/override.ts'
import { WatchError } from '../../errors.ts'
import type { PoolSource } from '../pool-host.ts'

type AnyFunction = (...args: never[]) => unknown

/** A TypeORM data source. */
export interface DataSourceLike {
  readonly driver: object
  initialize: AnyFunction
}

/** A Drizzle database that was created with a pool. */
export interface DrizzleLike {
  readonly $client: unknown
}

/** A database of pg-promise. */
export interface PgPromiseLike {
  readonly $pool: object
}

/** A library object that holds a `pg.Pool`, its own or the application's. */
export type PoolHolder = DataSourceLike | DrizzleLike | PgPromiseLike

/**
 * The pools of a library that holds a `pg.Pool`; undefined for anything else.
 *
 * @param poolOf makes the source of such a pool
 * @param ofDrizzle does the same for the client of Drizzle, which may be one of another driver
 */
export function poolHolderSource(
  given: unknown,
  poolOf: (pool: unknown, part?: string) => PoolSource,
  ofDrizzle: (client: unknown) => PoolSource = poolOf,
): PoolSource | undefined {
  if ((typeof given !== 'object' && typeof given !== 'function') || given === null) return undefined
  if (has(given, '$client') && !has(given, 'connect')) return ofDrizzle(Reflect.get(given, '$client'))
  if (has(given, '$pool')) return poolOf(Reflect.get(given, '$pool'))
  return isDataSource(given) ? dataSource(given, poolOf) : undefined
}

function has(value: object, name: string): boolean {
  return Reflect.get(value, name) !== undefined
}

function isDataSource(given: object): given is DataSourceLike {
  const { driver, initialize, createQueryRunner } = given as Record<string, unknown>
  return (
    typeof driver === 'object' &&
    driver !== null &&
    typeof initialize === 'function' &&
    typeof createQueryRunner === 'function'
  )
}

/** The driver creates the pools at each initialization. */
function dataSource(given: DataSourceLike, poolOf: (pool: unknown, part?: string) => PoolSource): PoolSource {
  const { options, driver } = given as unknown as {
    readonly options?: { readonly type?: unknown }
    readonly driver: { readonly master?: unknown; readonly slaves?: unknown }
  }
  if (options?.type !== 'postgres') {
    throw new WatchError(`watch(dataSource) expects TypeORM on PostgreSQL, got ${String(options?.type)}`)
  }
  return {
    hosts() {
      const { master, slaves } = driver
      const readers: readonly unknown[] = Array.isArray(slaves) ? slaves : []
      return [
        ...(master === undefined ? [] : poolOf(master).hosts()),
        ...readers.flatMap((pool, index) => poolOf(pool, `read-${index + 1}`).hosts()),
      ]
    },
    install: (renewed) => [callAfter(given, 'initialize', renewed)],
  }
}
