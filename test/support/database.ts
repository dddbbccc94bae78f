import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, inject } from 'vitest'
import { expectAllEnded } from './leak-check.ts'

/** A row of `pg_stat_activity`. */
export interface ServerSession {
  pid: number
  application_name: string
  state: 'active' | 'idle' | 'idle in transaction' | 'idle in transaction (aborted)' | null
  query: string
  wait_event_type: string | null
  wait_event: string | null
  backend_start: Date
  xact_start: Date | null
  query_start: Date | null
  state_change: Date | null
}

export interface TestDatabase {
  readonly name: string
  readonly url: string
  /** For `new pg.Pool({ ...database.config, max: 2 })`. */
  readonly config: { host: string; port: number; user: string; password: string; database: string }
  /** On a connection of its own, one statement after the other: it does not depend on any pool under test. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<pg.QueryResult<Row>>
  /** The sessions of this database, oldest first, other than the one `query` uses. */
  sessions(): Promise<ServerSession[]>
  /** Ends a session as an administrator would, and returns when it is gone: true if it was there. */
  terminate(pid: number): Promise<boolean>
  /** Ends what still is in the database and removes it. */
  drop(): Promise<void>
}

/**
 * A fresh database for the test file that calls it, there before its first test and gone after its last. Hooks that are
 * registered after this one, such as the end of a pool, run before the database is removed.
 *
 * ```ts
 * const db = useDatabase()
 * it('...', async () => { const pool = new pg.Pool(db.config) })
 * ```
 */
export function useDatabase(): TestDatabase {
  let database: TestDatabase | undefined
  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(async () => {
    try {
      await expectAllEnded()
    } finally {
      await database?.drop()
    }
  })
  const current = () => {
    if (!database) throw new Error('the database is there inside tests and hooks only')
    return database
  }
  return {
    get name() {
      return current().name
    },
    get url() {
      return current().url
    },
    get config() {
      return current().config
    },
    query: (sql, params) => current().query(sql, params),
    sessions: () => current().sessions(),
    terminate: (pid) => current().terminate(pid),
    drop: () => current().drop(),
  }
}

/** Clones the template of this run; whoever calls it has to `drop()` it. */
export async function createDatabase(): Promise<TestDatabase> {
  const server = inject('postgres')
  const name = `${server.template}_${randomBytes(6).toString('hex')}`
  await onServer(server.url, `CREATE DATABASE ${name} TEMPLATE ${server.template} ${server.cloning}`)

  const url = new URL(server.url)
  url.pathname = name
  let admin: Promise<pg.Client> | undefined
  let last: Promise<unknown> = Promise.resolve()
  const forgetAdmin = () => {
    admin = undefined
  }

  const query: TestDatabase['query'] = (sql, params = []) => {
    const result = last.then(async () => {
      admin ??= connect(url.href, forgetAdmin)
      return (await admin).query(sql, [...params])
    })
    last = result.catch(() => {})
    return result
  }

  return {
    name,
    url: url.href,
    config: {
      host: url.hostname,
      port: Number(url.port || 5432),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: name,
    },
    query,
    async sessions() {
      const { rows } = await query<ServerSession>(`
        SELECT pid, application_name, state, query, wait_event_type, wait_event,
               backend_start, xact_start, query_start, state_change
        FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
        ORDER BY backend_start, pid`)
      return rows
    },
    async terminate(pid) {
      const { rows } = await query<{ ended: boolean }>('SELECT pg_terminate_backend($1, 10000) AS ended', [
        pid,
      ])
      return rows[0]?.ended ?? false
    },
    async drop() {
      await last
      await (await admin)?.end()
      await onServer(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    },
  }
}

async function connect(url: string, whenGone = () => {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'lifeguard tests' })
  // A session that a test ended is told by the query that fails, not by an event nobody waits for.
  client.on('error', () => {})
  client.once('end', whenGone)
  try {
    await client.connect()
  } catch (error) {
    whenGone()
    throw error
  }
  return client
}

async function onServer(url: string, sql: string): Promise<void> {
  const client = await connect(url)
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
