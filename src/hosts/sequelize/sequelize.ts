import { clientBehind } from '../../client/handle.ts'
import { Override } from '../../client/override.ts'
import { WatchError } from '../../errors.ts'
import type { Installed, PoolSource } from '../pool-host.ts'
import { hasInUse, sequelizePoolHost } from './sequelize-pool.ts'
import {
  dialectOf,
  isSequelizePool,
  type Pools,
  poolsOf,
  type Replication,
  type SequelizeLike,
  type SequelizePoolLike,
} from './shape.ts'

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
    install: () => acceptHandles(poolsOf(sequelize)),
  }
}

/** Major 7 looks up by the client which of its pools a client came from: a handle would be unknown to it. */
function acceptHandles(pools: Pools | undefined): Installed[] {
  if (pools === undefined || isSequelizePool(pools)) return []
  const names = ['release', 'destroy'] as const
  return names
    .filter((name) => typeof Reflect.get(pools, name) === 'function')
    .map(
      (name) =>
        new Override(
          pools,
          name,
          (original) =>
            function (...args) {
              const client = clientBehind(args[0])
              const pool = client === args[0] ? undefined : ownerOf(client, pools)
              return pool === undefined
                ? Reflect.apply(original, this, args)
                : Reflect.apply(pool[name], pool, args)
            },
        ),
    )
}

function ownerOf(client: unknown, { read, write }: Replication): SequelizePoolLike | undefined {
  return [write, read].filter(isSequelizePool).find((pool) => hasInUse(pool, client))
}
