import { WatchError } from '../errors.ts'
import type { PoolSource } from './pool-host.ts'
import { isSequelizePool, type SequelizePoolLike, sequelizePoolHost } from './sequelize-pool.ts'

/** A Sequelize instance, of major 6 or 7. */
export type SequelizeLike =
  | { readonly connectionManager: object; getDialect(): string }
  | { readonly dialect: object; readonly pool: object }

/** The pool of an instance without replication, or those of one with it. */
type Pools = SequelizePoolLike | { readonly read?: unknown; readonly write?: unknown }

export function isSequelize(value: unknown): value is SequelizeLike {
  return dialectOf(value) !== undefined && poolsOf(value as SequelizeLike) !== undefined
}

/** @throws WatchError unless the dialect is PostgreSQL */
export function sequelizeSource(sequelize: SequelizeLike): PoolSource {
  const dialect = dialectOf(sequelize)
  if (dialect !== 'postgres') {
    throw new WatchError(`watch(sequelize) expects Sequelize on PostgreSQL, got ${String(dialect)}`)
  }
  return {
    hosts() {
      const pools = poolsOf(sequelize)
      if (isSequelizePool(pools)) return [sequelizePoolHost(pools)]
      const { read, write } = pools ?? {}
      const parts = [
        ...(isSequelizePool(write) ? [sequelizePoolHost(write, 'write')] : []),
        ...(isSequelizePool(read) ? [sequelizePoolHost(read, 'read')] : []),
      ]
      if (parts.length === 0) throw new WatchError('watch(sequelize) found no pool in sequelize')
      return parts
    },
  }
}

function dialectOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  const { getDialect, dialect } = value as { getDialect?: unknown; dialect?: { readonly name?: unknown } }
  return typeof getDialect === 'function' ? getDialect.call(value) : dialect?.name
}

/** Major 6 has the pools in its connection manager, major 7 in the instance. */
function poolsOf(sequelize: SequelizeLike): Pools | undefined {
  const { connectionManager, pool } = sequelize as {
    readonly connectionManager?: { readonly pool?: Pools }
    readonly pool?: Pools
  }
  return connectionManager?.pool ?? pool
}
