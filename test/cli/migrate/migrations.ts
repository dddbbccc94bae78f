import { join } from 'node:path'
import { expect } from 'vitest'
import type { TestDatabase } from '../../support/database.ts'
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
