import { beforeEach, describe, expect, it } from 'vitest'
import { schemaChangesQuery, schemaMarkQuery } from '../../../src/postgres/queries/schema.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()

beforeEach(async () => {
  await db.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE things (id int)')
})

async function mark() {
  const { rows } = await db.query<{ mark: string }>(schemaMarkQuery)
  return JSON.parse(rows[0]?.mark ?? '') as { nextTransaction: string; digest: string }
}

async function changesSince(nextTransaction: string) {
  const { rows } = await db.query<{ changes: string }>(schemaChangesQuery, [nextTransaction])
  return JSON.parse(rows[0]?.changes ?? '') as { last?: string; relations: string[]; records: string[] }
}

/** Runs statements in one transaction and returns its id, as rows carry it. */
async function inTransaction(statements: string): Promise<string> {
  await db.query(`BEGIN; ${statements}`)
  const { rows } = await db.query<{ id: string }>('SELECT pg_current_xact_id()::xid::text AS id')
  await db.query('COMMIT')
  return rows[0]?.id ?? ''
}

describe('the mark of a schema', () => {
  it('is equal again after a change was undone, and depends on no setting of the one that asks', async () => {
    const before = await mark()
    await db.query('ALTER TABLE things RENAME TO objects')
    expect((await mark()).digest).not.toBe(before.digest)
    await db.query("ALTER TABLE objects RENAME TO things; SET search_path = 'pg_catalog'")
    expect((await mark()).digest).toBe(before.digest)
    await db.query('RESET search_path')
  })

  it('differs for each of the parts of a schema', async () => {
    const digests = [(await mark()).digest]
    for (const statement of [
      'CREATE SCHEMA IF NOT EXISTS public; CREATE VIEW seen AS SELECT id FROM things',
      'CREATE OR REPLACE VIEW seen AS SELECT id FROM things WHERE id > 0',
      'ALTER TABLE things ALTER COLUMN id SET NOT NULL',
      'ALTER TABLE things ALTER COLUMN id SET DEFAULT 7',
      'ALTER TABLE things ALTER COLUMN id SET DEFAULT 8',
      'ALTER TABLE things ADD CONSTRAINT positive CHECK (id > 0) NOT VALID',
      'ALTER TABLE things VALIDATE CONSTRAINT positive',
      'ALTER TABLE things ENABLE ROW LEVEL SECURITY',
      'ALTER TABLE things SET (fillfactor = 50)',
      "CREATE TYPE mood AS ENUM ('ok')",
      "ALTER TYPE mood ADD VALUE 'fine'",
      'CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$',
      'CREATE TRIGGER noted BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION noted()',
      'ALTER TABLE things DISABLE TRIGGER noted',
    ]) {
      await db.query(statement)
      const { digest } = await mark()
      expect(digests, statement).not.toContain(digest)
      digests.push(digest)
    }
  })
})

describe('the changes since a mark', () => {
  it('name the relations that are fresh, and the transaction of the last of them', async () => {
    const { nextTransaction } = await mark()
    await inTransaction('CREATE TABLE "Order Lines" (id int)')
    const last = await inTransaction('ALTER TABLE things ADD COLUMN name text')
    await inTransaction('INSERT INTO things VALUES (1)')
    const changes = await changesSince(nextTransaction)
    expect(changes).toEqual({ last, relations: ['public."Order Lines"', 'public.things'], records: [] })
  })

  it('have the transaction of a change that belongs to no relation', async () => {
    const { nextTransaction } = await mark()
    const last = await inTransaction("CREATE TYPE mood AS ENUM ('ok')")
    expect(await changesSince(nextTransaction)).toEqual({ last, relations: [], records: [] })
  })

  it('have no last transaction where none has left a row', async () => {
    const { nextTransaction } = await mark()
    await db.query('DROP TABLE things')
    expect(await changesSince(nextTransaction)).toEqual({ relations: [], records: [] })
  })

  it('list the records of tools, not their locks and not what has a similar name', async () => {
    const { nextTransaction } = await mark()
    for (const table of ['knex_migrations', 'knex_migrations_lock', 'alembic_version', 'emigrations']) {
      await db.query(`CREATE TABLE ${table} (id int)`)
    }
    const { relations, records } = await changesSince(nextTransaction)
    expect(records.toSorted()).toEqual(['public.alembic_version', 'public.knex_migrations'])
    expect(relations).toEqual(['public.emigrations'])
  })
})
