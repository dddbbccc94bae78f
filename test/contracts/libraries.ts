import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import knex from 'knex'
import * as kysely from 'kysely'
import pgPromise from 'pg-promise'
import type { LibrarySetUp } from './library.ts'
import { drizzleSetUp } from './set-ups/drizzle.ts'
import { knexOnPoolSetUp, knexSetUp } from './set-ups/knex.ts'
import { kyselySetUp } from './set-ups/kysely.ts'
import { nodePostgres } from './set-ups/node-postgres.ts'
import { pgPromiseSetUp } from './set-ups/pg-promise.ts'
import { versionOf } from './set-ups/version.ts'

const version = (name: string) => versionOf(name, import.meta.url)

/** The libraries that `npm ci` brings; the others are in `test/all/libraries`. */
export const libraries: readonly LibrarySetUp[] = [
  nodePostgres,
  knexSetUp(knex, version('knex')),
  knexOnPoolSetUp(knex, version('knex')),
  drizzleSetUp({ drizzle, sql }, version('drizzle-orm')),
  kyselySetUp(kysely, version('kysely')),
  pgPromiseSetUp(pgPromise, version('pg-promise')),
]
