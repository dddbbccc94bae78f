import { expect, it } from 'vitest'
import { failedPrismaMigrations, knexLocks } from '../../../src/cli/migrate/tool-records.ts'
import { connectControl } from '../../../src/postgres/index.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()

it('the lock of knex is found in every schema, if its row says that a migration is running', async () => {
  await using control = await connectControl({ url: db.url, env: {} })
  expect(await knexLocks(control)).toEqual([])
  await db.query(`
    CREATE SCHEMA "Shop";
    CREATE TABLE knex_migrations_lock (index serial PRIMARY KEY, is_locked int);
    CREATE TABLE "Shop".knex_migrations_lock (index serial PRIMARY KEY, is_locked int);
    INSERT INTO knex_migrations_lock (is_locked) VALUES (0);
    INSERT INTO "Shop".knex_migrations_lock (is_locked) VALUES (1)`)
  expect(await knexLocks(control)).toEqual(['"Shop".knex_migrations_lock'])
})

it('migrations of Prisma have failed if they are neither finished nor rolled back', async () => {
  await using control = await connectControl({ url: db.url, env: {} })
  expect(await failedPrismaMigrations(control)).toEqual([])
  await db.query(`
    CREATE TABLE _prisma_migrations (
      migration_name text, started_at timestamptz DEFAULT now(), finished_at timestamptz, rolled_back_at timestamptz);
    INSERT INTO _prisma_migrations (migration_name, finished_at, rolled_back_at)
    VALUES ('one', now(), NULL), ('two', NULL, now()), ('three', NULL, NULL)`)
  expect(await failedPrismaMigrations(control)).toEqual(['three'])
})
