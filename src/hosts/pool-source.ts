import type { PgPoolLike } from '../client/types.ts'
import { WatchError } from '../errors.ts'
import { fastifyPostgresSource } from './holders/fastify-postgres.ts'
import { mikroOrmSource } from './holders/mikro-orm.ts'
import { pgBossSource } from './holders/pg-boss.ts'
import { poolHolderSource } from './holders/pool-holders.ts'
import {
  isFastifyPostgres,
  isMikroOrm,
  isPgBoss,
  isPoolHolder,
  type MikroOrmLike,
  type PgBossLike,
  type PoolHolder,
} from './holders/shape.ts'
import { knexSource } from './knex/knex.ts'
import { isKnex, isTarnPool, type KnexLike, type TarnPoolLike } from './knex/shape.ts'
import { tarnHost } from './knex/tarn.ts'
import { pgPoolHost } from './pg/pg-pool.ts'
import type { CallerStacks, PoolSource } from './pool-host.ts'
import { postgresJsHost } from './postgres-js/host.ts'
import { isPostgresJs, type PostgresJsLike } from './postgres-js/shape.ts'
import { postgresPoolHost } from './postgres-pool/host.ts'
import { isPostgresPool } from './postgres-pool/shape.ts'
import { sequelizeSource } from './sequelize/sequelize.ts'
import { sequelizePoolHost } from './sequelize/sequelize-pool.ts'
import {
  isSequelize,
  isSequelizePool,
  type SequelizeLike,
  type SequelizePoolLike,
} from './sequelize/shape.ts'
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
 * Recognises the argument of `watch` by its structure. The modules of its host are loaded now, and those of no other; see
 * `scripts/bundle.ts`.
 *
 * @throws WatchError if it has no pool of PostgreSQL connections that is known
 */
export function poolSourceOf(given: unknown): PoolSource {
  if (isKnex(given)) return knexSource(given, (pool, callers) => pgPoolSource(pool, undefined, callers))
  if (isMikroOrm(given)) return mikroOrmSource(given, mikroOrmPool)
  if (isSequelize(given)) return sequelizeSource(given)
  if (isTarnPool(given)) return { hosts: () => [tarnHost(given)] }
  if (isSequelizePool(given)) return { hosts: () => [sequelizePoolHost(given)] }
  if (isPgBoss(given)) return pgBossSource(given, pgPoolSource)
  if (isPostgresPool(given)) return { hosts: () => [postgresPoolHost(given)] }
  if (isSlonikPool(given)) return { hosts: () => [observedSlonikHost(given)] }
  if (isPostgresJs(given)) return postgresJsSource(given)
  const guarded = guardedSource(given)
  if (guarded !== undefined) return guarded
  if (isFastifyPostgres(given)) return fastifyPostgresSource(given, pgPoolSource)
  if (isPoolHolder(given)) return poolHolderSource(given, pgPoolSource, drizzleSource)
  return pgPoolSource(given)
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

function pgPoolSource(given: unknown, part?: string, callers?: CallerStacks): PoolSource {
  const unwatchable = describeUnwatchable(given)
  if (unwatchable !== undefined) throw new WatchError(`watch(host) got ${unwatchable}`)
  const pool = asPool(given)
  return { hosts: () => [pgPoolHost(pool, part, callers)] }
}
