// @ts-check
import pg from 'pg'
import { offlineSocket } from '../offline-socket.mjs'

/** Limits that are never reached. */
const never = 2 ** 31 - 1
export const patient = {
  idleTransactionMillis: never,
  transactionMillis: never,
  holdMillis: never,
  acquireWaitMillis: never,
  scopeGraceMillis: never,
}

/** Node-postgres' own pools over sockets in memory: no server has so many sessions to give.
 *  @param {number} count
 *  @param {number} max
 *  @param {import('pg').PoolConfig} [options] */
export function offlinePools(count, max, options = {}) {
  return Array.from(
    { length: count },
    () => new pg.Pool({ stream: offlineSocket, ssl: false, max, idleTimeoutMillis: 0, ...options }),
  )
}

/** @param {import('pg-lifeguard').Lifeguard} lifeguard
 *  @param {readonly import('pg').Pool[]} pools */
export function watchAll(lifeguard, pools) {
  for (const [index, pool] of pools.entries()) lifeguard.watch(pool, { name: `pool-of-${index}` })
}

/** All clients of all pools.
 *  @param {readonly import('pg').Pool[]} pools
 *  @param {number} each
 *  @param {(pool: import('pg').Pool, index: number) => Promise<import('pg').PoolClient>} [connect] */
export async function checkOut(pools, each, connect = (pool) => pool.connect()) {
  const clients = []
  for (const [index, pool] of pools.entries()) {
    clients.push(
      ...(await Promise.all(Array.from({ length: each }, (_, n) => connect(pool, index * each + n)))),
    )
  }
  return clients
}
