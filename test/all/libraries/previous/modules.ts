import * as mikroOrm from '@mikro-orm/postgresql'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { drizzle as drizzleOnPostgresJs } from 'drizzle-orm/postgres-js'
import knex from 'knex'
import * as kysely from 'kysely'
import pg from 'pg'
import pgPromise from 'pg-promise'
import * as typeorm from 'typeorm'
import { versionOf } from '../../../contracts/set-ups/version.ts'

const modules = {
  mikroOrm,
  drizzle,
  drizzleOnPostgresJs,
  sql,
  knex,
  kysely,
  pgPromise,
  Pool: pg.Pool,
  typeorm,
}

/** The major before. The set-ups are written with the types of the current one, to which these are strangers. */
export const previous = modules as Readonly<Record<keyof typeof modules, unknown>> as Readonly<
  Record<keyof typeof modules, never>
>

export const previousVersion = (name: string) => versionOf(name, import.meta.url)
