import { Override } from '../../client/override.ts'
import type { Installed, PoolSource } from '../pool-host.ts'

type AnyFunction = (...args: never[]) => unknown

/** The decorator of `@fastify/postgres`: `app.pg`, or `app.pg.<name>`. */
export interface FastifyPostgresLike {
  readonly pool: object
  connect: AnyFunction
  query: AnyFunction
  transact: AnyFunction
}

/**
 * The pools of `app.pg`: its own, and those of instances with a name. Undefined for anything else.
 *
 * @param poolOf makes the source of such a pool
 */
export function fastifyPostgresSource(
  given: unknown,
  poolOf: (pool: unknown, part?: string) => PoolSource,
): PoolSource | undefined {
  const databases = databasesOf(given)
  if (databases.length === 0) return undefined
  return {
    hosts: () => databases.flatMap(({ database, part }) => poolOf(database.pool, part).hosts()),
    install: () =>
      databases.flatMap(({ database }) => [askPool(database, 'connect'), askPool(database, 'query')]),
  }
}

interface Named {
  readonly database: FastifyPostgresLike
  readonly part: string | undefined
}

function databasesOf(given: unknown): Named[] {
  if (typeof given !== 'object' || given === null) return []
  const own = isDatabase(given) ? [{ database: given, part: undefined }] : []
  // Without a pool of its own, it is a plain object for the named ones. Others may have getters, which could run code.
  if (own.length === 0 && Object.getPrototypeOf(given) !== null) return []
  const named = Object.entries(given).flatMap(([part, database]) =>
    isDatabase(database) ? [{ database, part }] : [],
  )
  return [...own, ...named]
}

function isDatabase(value: unknown): value is FastifyPostgresLike {
  if (typeof value !== 'object' || value === null) return false
  const { pool, Client, connect, query, transact } = value as Record<string, unknown>
  return (
    typeof pool === 'object' &&
    pool !== null &&
    [Client, connect, query, transact].every((member) => typeof member === 'function')
  )
}

/** Calls the pool's present method: the plugin has bound the one of its registration, which the guard does not see. */
function askPool(database: FastifyPostgresLike, name: 'connect' | 'query'): Installed {
  const { pool } = database
  const ask = (...args: unknown[]) => Reflect.apply(Reflect.get(pool, name), pool, args)
  return new Override(database, name, () => ask)
}
