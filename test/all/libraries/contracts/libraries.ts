import * as typeorm from 'typeorm'
import type { LibrarySetUp } from '../../../contracts/library.ts'
import { versionOf } from '../../../contracts/set-ups/version.ts'
import { fastifyPostgres } from './set-ups/fastify-postgres.ts'
import { neon } from './set-ups/neon.ts'
import { postgresPool } from './set-ups/postgres-pool.ts'
import { sequelize } from './set-ups/sequelize.ts'
import { guardedSlonik, observedSlonik } from './set-ups/slonik.ts'
import { typeormSetUp } from './set-ups/typeorm.ts'

const version = (name: string) => versionOf(name, import.meta.url)

/** A set-up each, in `set-ups/`. */
export const libraries: readonly LibrarySetUp[] = [
  sequelize,
  typeormSetUp(typeorm, version('typeorm')),
  guardedSlonik,
  observedSlonik,
  fastifyPostgres,
  neon,
  postgresPool,
]
