import { beforeEach, describe, expect, it } from 'vitest'
import { connectControl } from '../../../src/postgres/index.ts'
import { schemaChanges, schemaMark } from '../../../src/postgres/schema/changes.ts'
import { useDatabase } from '../../support/database.ts'
import { openSession } from '../sessions.ts'

const db = useDatabase()

beforeEach(async () => {
  await db.query(`
    DROP SCHEMA IF EXISTS public, fresh, drizzle, sqitch CASCADE;
    CREATE SCHEMA public; CREATE TABLE things (id int)`)
})

/** What is found after these statements, each in a transaction of its own. */
async function changesBy(...statements: string[]) {
  await using control = await connectControl({ url: db.url, env: {} })
  const before = await schemaMark(control)
  for (const statement of statements) await db.query(statement)
  return await schemaChanges(control, before)
}

describe('changes of the schema', () => {
  it.each([
    ['a new table', 'CREATE TABLE fresh (id int)', ['public.fresh']],
    ['a new column', 'ALTER TABLE things ADD COLUMN name text', ['public.things']],
    ['another type', 'ALTER TABLE things ALTER COLUMN id TYPE bigint', ['public.things']],
    ['a default', 'ALTER TABLE things ALTER COLUMN id SET DEFAULT 7', ['public.things']],
    ['a constraint', 'ALTER TABLE things ADD CHECK (id > 0)', ['public.things']],
    ['an index', 'CREATE INDEX things_id ON things (id)', ['public.things']],
    ['a view', 'CREATE VIEW seen AS SELECT id FROM things', ['public.seen']],
    ['another name', 'ALTER TABLE things RENAME TO objects', ['public.objects']],
    ['a name that needs quotes', 'CREATE TABLE "Fresh Things" (id int)', ['public."Fresh Things"']],
    ['an enum', "CREATE TYPE mood AS ENUM ('ok')", []],
    [
      'a table with a name like that of a tool',
      'CREATE TABLE immigrations (id int)',
      ['public.immigrations'],
    ],
    ['a function', 'CREATE FUNCTION one() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$', []],
    ['a schema', 'CREATE SCHEMA fresh', []],
    ['a dropped table', 'DROP TABLE things', []],
  ])('are found: %s', async (_what, statement, relations) => {
    expect(await changesBy(statement)).toEqual({ relations, isRecorded: false })
  })

  it.each([
    ['nothing', 'SELECT 1'],
    ['rows', 'INSERT INTO things SELECT generate_series(1, 1000)'],
    ['what was rolled back', 'BEGIN; CREATE TABLE fresh (id int); ROLLBACK'],
    ['TRUNCATE', 'TRUNCATE things'],
    ['ANALYZE', 'ANALYZE things'],
    ['VACUUM FULL', 'VACUUM FULL things'],
    ['REINDEX', 'REINDEX TABLE things'],
    ['a temporary table', 'CREATE TEMPORARY TABLE fresh (id int)'],
    ['the records of a tool', 'CREATE TABLE knex_migrations (id serial PRIMARY KEY, name text)'],
    ['the metadata of a tool', 'CREATE TABLE typeorm_metadata (type text)'],
    ['what is in the schema of a tool', 'CREATE SCHEMA sqitch; CREATE TABLE sqitch.changes (id int)'],
    ['the schema of a tool', 'CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial)'],
  ])('are not: %s', async (_what, statement) => {
    await db.query('CREATE INDEX things_id ON things (id)')
    expect(await changesBy(statement)).toBeUndefined()
  })

  it('are recorded if a migration tool wrote its records in the same transaction or later', async () => {
    await db.query('CREATE TABLE knex_migrations (name text); INSERT INTO knex_migrations VALUES (0)')
    const alter = 'ALTER TABLE things ADD COLUMN name text'
    const record = "INSERT INTO knex_migrations VALUES ('one')"
    expect(await changesBy(`BEGIN; ${alter}; ${record}; COMMIT`)).toMatchObject({ isRecorded: true })
    await db.query('ALTER TABLE things DROP COLUMN name')
    expect(await changesBy(alter, 'SELECT pg_current_xact_id()', record)).toMatchObject({ isRecorded: true })
    await db.query('ALTER TABLE things DROP COLUMN name')
    expect(await changesBy(record, alter)).toMatchObject({ isRecorded: false })
  })

  it('are not recorded by the lock of a tool, which it frees in any case', async () => {
    await db.query('CREATE TABLE knex_migrations_lock (is_locked int)')
    const free = 'INSERT INTO knex_migrations_lock VALUES (0)'
    expect(await changesBy('CREATE TABLE fresh (id int)', free)).toMatchObject({ isRecorded: false })
  })

  it('are recorded or not whatever other transactions come and go meanwhile', async () => {
    await db.query('CREATE TABLE knex_migrations (name text)')
    const busy = await openSession(db, 'busy')
    await busy.run('BEGIN; SELECT pg_current_xact_id()')
    const both = "BEGIN; CREATE TABLE fresh (id int); INSERT INTO knex_migrations VALUES ('one'); COMMIT"
    expect(await changesBy(both, ...Array<string>(20).fill('SELECT pg_current_xact_id()'))).toEqual({
      relations: ['public.fresh'],
      isRecorded: true,
    })
  })
})
