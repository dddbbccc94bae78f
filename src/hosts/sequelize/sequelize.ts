import { clientBehind } from '../../client/handle.ts'
import { Override } from '../../client/override.ts'
import { WatchError } from '../../errors.ts'
import { CarriedStacks } from '../carried-stacks.ts'
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
  const callers = new CarriedStacks(true)
  return {
    hosts() {
      const pools = poolsOf(sequelize)
      if (isSequelizePool(pools)) return [sequelizePoolHost(pools, callers)]
      const { read, write } = pools ?? {}
      const parts = [
        ...(isSequelizePool(write) ? [sequelizePoolHost(write, callers, 'write')] : []),
        ...(isSequelizePool(read) ? [sequelizePoolHost(read, callers, 'read')] : []),
      ]
      if (parts.length === 0) throw new WatchError('watch(sequelize) found no pool in sequelize')
      return parts
    },
    install: () => [...acceptHandles(poolsOf(sequelize)), ...carryStacks(sequelize, callers)],
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

/** The calls that open a transaction. Each asks for its client before it returns, and gets it some turns later. */
const calls = ['transaction', 'startUnmanagedTransaction'] as const

function carryStacks(sequelize: SequelizeLike, callers: CarriedStacks): Installed[] {
  const { host, method } = askedOf(sequelize)
  if (typeof Reflect.get(host, method) !== 'function') return []
  const asked = new Override(
    host,
    method,
    (original) =>
      function (...args) {
        const stack = callers.takeCalled()
        const ask = () => Reflect.apply(original, this, args)
        return stack === undefined ? ask() : callers.carry(stack, ask)
      },
  )
  // Major 7 may call the callback at once, in the transaction that there is: what it asks for is its own.
  const isInner = ([options]: readonly unknown[]) => isInTransaction(sequelize, options)
  const calling = calls
    .filter((name) => typeof Reflect.get(sequelize, name) === 'function')
    .map((name) => new Override(sequelize, name, (original) => callers.calling(original, isInner)))
  return [asked, ...calling]
}

/** The method that transactions ask for a client: major 6 of the connection manager, major 7 of all pools. */
function askedOf(sequelize: SequelizeLike): { readonly host: object; readonly method: string } {
  const { pool } = sequelize as { readonly pool?: object }
  if (pool !== undefined) return { host: pool, method: 'acquire' }
  return {
    host: (sequelize as { readonly connectionManager: object }).connectionManager,
    method: 'getConnection',
  }
}

function isInTransaction(sequelize: SequelizeLike, options: unknown): boolean {
  const { getCurrentClsTransaction } = sequelize as { getCurrentClsTransaction?: () => unknown }
  if (getCurrentClsTransaction === undefined) return false
  const { transaction } = (options ?? {}) as { readonly transaction?: unknown }
  return Boolean(transaction ?? getCurrentClsTransaction.call(sequelize))
}
