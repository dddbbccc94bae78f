import { callAfter } from '../../client/override.ts'
import { WatchError } from '../../errors.ts'
import type { PoolSource } from '../pool-host.ts'
import { type DataSourceLike, isDrizzle, isPgPromise, type PoolHolder } from './shape.ts'

/**
 * The pools of a library that holds a `pg.Pool`.
 *
 * @param poolOf makes the source of such a pool
 * @param ofDrizzle does the same for the client of Drizzle, which may be one of another driver
 */
export function poolHolderSource(
  given: PoolHolder,
  poolOf: (pool: unknown, part?: string) => PoolSource,
  ofDrizzle: (client: unknown) => PoolSource = poolOf,
): PoolSource {
  if (isDrizzle(given)) return ofDrizzle(given.$client)
  return isPgPromise(given) ? poolOf(given.$pool) : dataSource(given, poolOf)
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
