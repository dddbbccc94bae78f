import { Override } from '../../client/override.ts'
import type { Installed, PoolSource } from '../pool-host.ts'
import { type FastifyPostgresLike, fastifyDatabases } from './shape.ts'

/**
 * The pools of `app.pg`: its own, and those of instances with a name.
 *
 * @param poolOf makes the source of such a pool
 */
export function fastifyPostgresSource(
  given: unknown,
  poolOf: (pool: unknown, part?: string) => PoolSource,
): PoolSource {
  const databases = fastifyDatabases(given)
  return {
    hosts: () => databases.flatMap(({ database, part }) => poolOf(database.pool, part).hosts()),
    install: () =>
      databases.flatMap(({ database }) => [askPool(database, 'connect'), askPool(database, 'query')]),
  }
}

/** Calls the pool's present method: the plugin has bound the one of its registration, which the guard does not see. */
function askPool(database: FastifyPostgresLike, name: 'connect' | 'query'): Installed {
  const { pool } = database
  const ask = (...args: unknown[]) => Reflect.apply(Reflect.get(pool, name), pool, args)
  return new Override(database, name, () => ask)
}
