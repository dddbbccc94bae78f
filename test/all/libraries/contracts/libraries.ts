import * as mikroOrm from '@mikro-orm/postgresql'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import * as kysely from 'kysely'
import * as typeorm from 'typeorm'
import type { LibrarySetUp } from '../../../contracts/library.ts'
import { drizzleSetUp } from '../../../contracts/set-ups/drizzle.ts'
import { knexSetUp } from '../../../contracts/set-ups/knex.ts'
import { kyselySetUp } from '../../../contracts/set-ups/kysely.ts'
import { pgPromiseSetUp } from '../../../contracts/set-ups/pg-promise.ts'
import { versionOf } from '../../../contracts/set-ups/version.ts'
import { previous, previousVersion } from '../previous/modules.ts'
import { drizzlePostgresJsSetUp } from './set-ups/drizzle-postgres-js.ts'
import { fastifyPostgres } from './set-ups/fastify-postgres.ts'
import { mikroOrm6, mikroOrm7 } from './set-ups/mikro-orm.ts'
import { neon } from './set-ups/neon.ts'
import { objection } from './set-ups/objection.ts'
import { postgresJs, postgresJsReserved } from './set-ups/postgres-js.ts'
import { postgresPool } from './set-ups/postgres-pool.ts'
import { prisma } from './set-ups/prisma.ts'
import { sequelize6 } from './set-ups/sequelize.ts'
import { sequelize7 } from './set-ups/sequelize-7.ts'
import { guardedSlonik, observedSlonik } from './set-ups/slonik.ts'
import { typeormSetUp } from './set-ups/typeorm.ts'

const version = (name: string) => versionOf(name, import.meta.url)

/** A set-up each, in `set-ups/`. */
export const libraries: readonly LibrarySetUp[] = [
  objection,
  knexSetUp(previous.knex, previousVersion('knex')),
  sequelize7,
  ...sequelize6,
  typeormSetUp(typeorm, version('typeorm')),
  typeormSetUp(previous.typeorm, previousVersion('typeorm')),
  mikroOrm7(mikroOrm, version('@mikro-orm/core')),
  mikroOrm6(previous.mikroOrm, previousVersion('@mikro-orm/core')),
  drizzleSetUp(previous, previousVersion('drizzle-orm'), previous.Pool),
  kyselySetUp(kysely as never, version('kysely')),
  kyselySetUp(previous.kysely, previousVersion('kysely')),
  pgPromiseSetUp(previous.pgPromise, previousVersion('pg-promise')),
  ...prisma,
  guardedSlonik,
  observedSlonik,
  fastifyPostgres,
  neon,
  postgresPool,
  postgresJs,
  postgresJsReserved,
  drizzlePostgresJsSetUp({ drizzle, sql }, version('drizzle-orm')),
  drizzlePostgresJsSetUp(
    { drizzle: previous.drizzleOnPostgresJs, sql: previous.sql },
    previousVersion('drizzle-orm'),
  ),
]
