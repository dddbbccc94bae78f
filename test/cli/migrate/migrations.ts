import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { type NamedSession, openSession } from '../../postgres/sessions.ts'
import { type TestDatabase, useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { type SpawnedCommand, type SpawnSetting, spawnLifeguard } from '../spawned.ts'

/** The variables by which PostgreSQL's tools find the test's database. */
export function environmentOf({ config }: TestDatabase): Record<string, string> {
  return {
    PGHOST: config.host,
    PGPORT: String(config.port),
    PGUSER: config.user,
    PGPASSWORD: config.password,
    PGDATABASE: config.database,
  }
}

/** The command line of the smallest migration tool. */
export function tool(...statements: string[]): string[] {
  return [process.execPath, join(import.meta.dirname, 'tool.mjs'), ...statements]
}

export function migrate(
  db: TestDatabase,
  options: readonly string[],
  command: readonly string[],
  { env, ...setting }: SpawnSetting = {},
): SpawnedCommand {
  const args = ['migrate', '--retry-pause', '50ms', ...options, '--', ...command]
  return spawnLifeguard(args, { ...setting, env: { ...environmentOf(db), ...env } })
}

/** Waits until a session with this statement waits for a lock, and gives its pid. */
export async function waiter(db: TestDatabase, query: string): Promise<number> {
  return await eventually(async () => {
    const found = (await db.sessions()).find(
      (one) => one.query.includes(query) && one.wait_event_type === 'Lock' && one.state === 'active',
    )
    if (found === undefined) throw new Error(`nobody waits with ${query}`)
    return found.pid
  })
}

export async function columnsOf(db: TestDatabase, table: string): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    'SELECT column_name AS name FROM information_schema.columns WHERE table_name = $1',
    [table],
  )
  return rows.map(({ name }) => name)
}

/** Nothing of the command is left on the server. */
export async function expectNothingLeft(db: TestDatabase): Promise<void> {
  await eventually(async () =>
    expect((await db.sessions()).filter((one) => /pg-lifeguard/.test(one.application_name))).toEqual([]),
  )
}

/** A database with a table `datasets` for each test. Nothing of a command may be left on the server after one. */
export function useDatasets(): TestDatabase {
  const db = useDatabase()
  beforeEach(async () => {
    await db.query('DROP TABLE IF EXISTS datasets')
    await db.query('CREATE TABLE datasets (id int)')
  })
  // Not the table: sessions that hold it are ended after this.
  afterEach(() => expectNothingLeft(db))
  return db
}

/** The statement that waits for every transaction that has read the table. */
export const alter = 'ALTER TABLE datasets ADD COLUMN name text'

/** A session that read the table in a transaction and forgot it. */
export async function forgetTransaction(db: TestDatabase): Promise<NamedSession> {
  const idle = await openSession(db, 'web')
  await idle.run('BEGIN')
  await idle.run('SELECT id FROM datasets')
  return idle
}
