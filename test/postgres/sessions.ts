import pg from 'pg'
import { inject, onTestFinished } from 'vitest'
import type { QueryClient } from '../../src/postgres/index.ts'
import type { TestDatabase } from '../support/database.ts'
import { type EmbeddedServer, type ServerOptions, startServer } from '../support/embedded-server.ts'
import { eventually } from '../support/eventually.ts'

/** A session of the server under test, with a name by which it is told apart. */
export interface NamedSession {
  readonly name: string
  readonly pid: number
  readonly client: pg.Client
  /** Runs a statement to its end. */
  run(sql: string): Promise<pg.QueryResult>
  /** Starts a statement and returns when the server says that it waits for a lock. */
  waitsFor(sql: string): Promise<Waiting>
}

export interface Waiting {
  /** Settles when the statement does; `undefined` if it succeeded. */
  readonly outcome: Promise<Error | undefined>
}

/** Opens a session that is gone when the test ends, whatever it does then. */
export async function openSession(
  db: TestDatabase,
  name: string,
  config: pg.ClientConfig = {},
): Promise<NamedSession> {
  const client = new pg.Client({ ...db.config, application_name: name, ...config })
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const pid = rows[0]?.pid ?? 0
  onTestFinished(async () => {
    await db.query('SELECT pg_terminate_backend($1)', [pid])
    await client.end().catch(() => {})
  })
  return {
    name,
    pid,
    client,
    run: (sql) => client.query(sql),
    async waitsFor(sql) {
      const outcome = client.query(sql).then(
        () => undefined,
        (error: Error) => error,
      )
      await eventually(async () => {
        const { rows: found } = await db.query(
          `SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active'
           AND (wait_event_type = 'Lock' OR wait_event = 'SafeSnapshot')`,
          [pid],
        )
        if (found.length === 0) throw new Error(`${name} does not wait`)
      })
      return { outcome }
    },
  }
}

/** The sessions and what they do, by the names of the incident: one forgotten SELECT, three ALTER TABLE, one reader. */
export async function buildIncident(db: TestDatabase, table = 'accounts') {
  const idle = await openSession(db, 'idle')
  await idle.run('BEGIN')
  await idle.run(`SELECT * FROM ${table}`)
  const waiting: Waiting[] = []
  const alters: NamedSession[] = []
  for (const number of [1, 2, 3]) {
    const alter = await openSession(db, `alter ${number}`)
    waiting.push(await alter.waitsFor(`ALTER TABLE ${table} ADD COLUMN extra_${number} int`))
    alters.push(alter)
  }
  const reader = await openSession(db, 'reader')
  waiting.push(await reader.waitsFor(`SELECT * FROM ${table}`))
  return { idle, alters, reader, waiting }
}

/** Two share a row that a third wants to write: the server names one of the two at a time. */
export async function buildHiddenRoot(db: TestDatabase) {
  await db.query('INSERT INTO accounts VALUES (1, 0) ON CONFLICT DO NOTHING')
  const one = await openSession(db, 'one')
  const two = await openSession(db, 'two')
  const writer = await openSession(db, 'writer')
  for (const holder of [one, two]) await holder.run('BEGIN; SELECT FROM accounts WHERE id = 1 FOR SHARE')
  return { one, two, writer, ...(await writer.waitsFor('UPDATE accounts SET balance = 1 WHERE id = 1')) }
}

/** A client of the test database, on a connection of its own. */
export function clientOf(db: TestDatabase): QueryClient {
  return { query: (text, values) => db.query(text, values) }
}

/** A server of the test's own, of the version that this run is for. */
export function startOwnServer(
  settings: Record<string, string> = {},
  options: Pick<ServerOptions, 'standbyOf'> = {},
): Promise<EmbeddedServer> {
  const { binaries } = inject('postgres')
  return startServer({ settings, ...options, ...(binaries === undefined ? {} : { binaries }) })
}

/** A standby that cannot follow its primary, because an idle transaction of its own has locked what was altered there. */
export async function buildHeldUpStandby(): Promise<{ readonly url: string; readonly idlePid: number }> {
  const { primary, standby } = await startPair()
  const open = async (url: string) => {
    const client = new pg.Client(url)
    client.on('error', () => {})
    await client.connect()
    onTestFinished(() => client.end().catch(() => {}))
    return client
  }
  const writer = await open(primary.url)
  await writer.query('CREATE TABLE followed (id int)')
  const idle = await open(standby.url)
  await eventually(() => idle.query('SELECT FROM followed'))
  await idle.query('BEGIN; SELECT FROM followed')
  await writer.query('ALTER TABLE followed ADD COLUMN name text')
  // Within its transaction, the server would show it the same activity again and again.
  const onlooker = await open(standby.url)
  await eventually(async () => {
    const { rows } = await onlooker.query(
      "SELECT FROM pg_stat_activity WHERE backend_type = 'startup' AND wait_event_type = 'Lock'",
    )
    if (rows.length === 0) throw new Error('the standby is not held up')
  })
  const { rows } = await idle.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return { url: standby.url, idlePid: rows[0]?.pid ?? 0 }
}

/** `url` is of the same user on both. */
async function startPair(): Promise<{ readonly primary: EmbeddedServer; readonly standby: EmbeddedServer }> {
  const settings = { wal_level: 'replica', max_wal_senders: '2', hot_standby: 'on' }
  const primary = await startOwnServer(settings)
  onTestFinished(() => primary.stop())
  const client = new pg.Client(primary.url)
  await client.connect()
  const { rows } = await client.query(
    "SELECT current_setting('server_version_num')::int < 150000 AS old, current_setting('data_directory') AS folder",
  )
  const { old, folder } = rows[0]
  const [begin, end] = old
    ? ["pg_start_backup('pair', true, false)", 'pg_stop_backup(false, false)']
    : ["pg_backup_start('pair', true)", 'pg_backup_stop(false)']
  await client.query(`SELECT ${begin}`)
  const { hostname, port, username, password } = new URL(primary.url)
  const standby = await startOwnServer(
    {
      ...settings,
      // Queries on the standby are not cancelled for what comes from the primary.
      max_standby_streaming_delay: '-1',
      primary_conninfo: `host=${hostname} port=${port} user=${username} password=${password}`,
    },
    { standbyOf: folder },
  )
  onTestFinished(() => standby.stop())
  await client.query(`SELECT ${end}`)
  await client.end()
  const url = new URL(primary.url)
  url.port = String(standby.port)
  return { primary, standby: { ...standby, url: url.href } }
}
