import type { PgPoolLike } from '../client/types.ts'
import { WatchError } from '../errors.ts'
import { fastifyPostgresSource } from './holders/fastify-postgres.ts'
import { isMikroOrm, type MikroOrmLike, mikroOrmSource } from './holders/mikro-orm.ts'
import { isPgBoss, type PgBossLike, pgBossSource } from './holders/pg-boss.ts'
import { type PoolHolder, poolHolderSource } from './holders/pool-holders.ts'
import { isKnex, type KnexLike, knexSource } from './knex/knex.ts'
import { isTarnPool, type TarnPoolLike, tarnHost } from './knex/tarn.ts'
import { pgPoolHost } from './pg/pg-pool.ts'
import { isPostgresPool, postgresPoolHost } from './pg/postgres-pool.ts'
import type { CallerStack, PoolSource } from './pool-host.ts'
import { isPostgresJs, type PostgresJsLike } from './postgres-js/driver.ts'
import { postgresJsHost } from './postgres-js/host.ts'
import { isSequelize, type SequelizeLike, sequelizeSource } from './sequelize/sequelize.ts'
import { isSequelizePool, type SequelizePoolLike, sequelizePoolHost } from './sequelize/sequelize-pool.ts'
import { guardedSource } from './slonik/guarded-source.ts'
import { observedSlonikHost } from './slonik/observed-pool.ts'
import { isSlonikPool } from './slonik/shape.ts'
import type { SlonikPoolLike } from './slonik/types.ts'
import { describeUnwatchable } from './unwatchable.ts'
import { asPool } from './watchable.ts'

/** Any pool, or library object with pools, that `watch` accepts. */
export type Watchable =
  | PgPoolLike
  | PoolHolder
  | PgBossLike
  | KnexLike
  | MikroOrmLike
  | SequelizeLike
  | TarnPoolLike
  | SequelizePoolLike
  | SlonikPoolLike
  | PostgresJsLike

/**
 * Recognises the argument of `watch` by its structure.
 *
 * @throws WatchError if it has no pool of PostgreSQL connections that is known
 */
export function poolSourceOf(given: unknown): PoolSource {
  if (isKnex(given)) return knexSource(given, (pool, caller) => pgPoolSource(pool, undefined, caller))
  if (isMikroOrm(given)) return mikroOrmSource(given, mikroOrmPool)
  if (isSequelize(given)) return sequelizeSource(given)
  if (isTarnPool(given)) return { hosts: () => [tarnHost(given)] }
  if (isSequelizePool(given)) return { hosts: () => [sequelizePoolHost(given)] }
  if (isPgBoss(given)) return pgBossSource(given, pgPoolSource)
  if (isPostgresPool(given)) return { hosts: () => [postgresPoolHost(given)] }
  if (isSlonikPool(given)) return { hosts: () => [observedSlonikHost(given)] }
  if (isPostgresJs(given)) return postgresJsSource(given)
  return (
    guardedSource(given) ??
    fastifyPostgresSource(given, pgPoolSource) ??
    poolHolderSource(given, pgPoolSource, drizzleSource) ??
    pgPoolSource(given)
  )
}

function postgresJsSource(sql: PostgresJsLike): PoolSource {
  return { hosts: () => [postgresJsHost(sql)] }
}

/** The client of a Drizzle database: a pool of node-postgres, or the `sql` of postgres.js. */
function drizzleSource(client: unknown): PoolSource {
  return isPostgresJs(client) ? postgresJsSource(client) : pgPoolSource(client)
}

/** Major 6 of MikroORM has Knex, major 7 a pool of node-postgres. */
function mikroOrmPool(pool: unknown, part: string | undefined): PoolSource {
  return isKnex(pool)
    ? knexSource(pool, (external) => pgPoolSource(external), part)
    : pgPoolSource(pool, part)
}

function pgPoolSource(given: unknown, part?: string, callerStack?: CallerStack): PoolSource {
  const unwatchable = describeUnwatchable(given)
  if (unwatchable !== undefined) throw new WatchError(`watch(host) got ${unwatchable}`)
  const pool = asPool(given)
  return { hosts: () => [pgPoolHost(pool, part, callerStack)] }
}
