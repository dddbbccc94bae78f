import type { ConnectionError } from '../../errors.ts'
import type { QueryClient } from '../query-client.ts'
import { openConnection, type PlainConnection } from './plain-connection.ts'
import { type ConnectionOptions, connectionSettings } from './settings.ts'

/** The options of {@link connectControl}. */
export interface ControlOptions extends ConnectionOptions {
  /** The time limit for connecting, including authentication, in milliseconds. Default 10,000. */
  readonly connectMillis?: number
  /** The time limit for lock waits, on a catalog for instance, in milliseconds. Default 2,000. */
  readonly lockMillis?: number
  /**
   * The time limit of a statement, in milliseconds. Default 15,000. Without an answer in twice the time the connection
   * ends.
   */
  readonly statementMillis?: number
}

/** A connection outside any pool, because a full pool must not block its diagnosis. */
export interface ControlConnection extends QueryClient, AsyncDisposable {
  /**
   * Runs one statement. Throws ConnectionError if the connection is lost, and the driver's error if the statement
   * fails.
   */
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
  /** The pid of the server's process. */
  readonly pid: number
  /**
   * True if a pooler such as PgBouncer is between this connection and the server. Settings are then applied to each
   * statement by itself, because a session setting would affect the next client of the server connection, and session
   * state is not reliable.
   */
  readonly isPooled: boolean
  /** The readable target: `database shop at db:5432 as app`. */
  readonly target: string
  /** Resolves when the connection has ended, with the reason, or with undefined after `close()`. */
  readonly closed: Promise<ConnectionError | undefined>
  /** Ends the session, and closes the socket after a moment in any case. */
  close(): Promise<void>
}

const isolation = 'ISOLATION LEVEL READ COMMITTED'

/** Applies settings to the session, except those that an old server lacks: its version is checked later. */
const applySettings = `
SELECT pg_catalog.set_config(s.name, w.value, false)
FROM pg_catalog.pg_settings AS s JOIN pg_catalog.json_each_text($1::pg_catalog.json) AS w(name, value) ON w.name = s.name`

/**
 * Opens a connection for looking at a server and signalling sessions: read-only, with timeouts, and with the application
 * name `pg-lifeguard`. `pg` must be installed.
 *
 * @throws OptionError for invalid options; ConnectionError if there is no connection
 *
 * @example
 * await using control = await connectControl({ url: process.env.DATABASE_URL })
 * const snapshot = await serverSnapshot(control)
 */
export async function connectControl(options: ControlOptions = {}): Promise<ControlConnection> {
  const { connectMillis = 10_000, lockMillis = 2_000, statementMillis = 15_000 } = options
  const connection = await openConnection(connectionSettings(options), connectMillis, 2 * statementMillis)
  const settings = {
    // A serializable look would fail on a standby, and a deferrable one would wait for the sessions that it should show.
    default_transaction_isolation: 'read committed',
    lock_timeout: `${lockMillis}ms`,
    statement_timeout: `${statementMillis}ms`,
    idle_session_timeout: '0',
    transaction_timeout: '0',
    default_transaction_read_only: 'on',
  }
  try {
    await connection.query(`BEGIN ${isolation}`)
    const { rows } = await connection.query('SELECT pg_catalog.pg_backend_pid() AS pid')
    const { pid } = rows[0] as { pid: number }
    // A pooler gives its clients a process id of its own.
    const isPooled = connection.processId !== pid
    if (!isPooled) await connection.query(applySettings, [JSON.stringify(settings)])
    await connection.query('COMMIT')
    const query = isPooled ? oneByOne(connection, settings) : connection.query
    return { ...connection, query, pid, isPooled, [Symbol.asyncDispose]: connection.close }
  } catch (error) {
    await connection.close()
    throw error
  }
}

/** Runs each statement in a separate transaction, with settings for that transaction only. */
function oneByOne(
  connection: PlainConnection,
  settings: Readonly<Record<'lock_timeout' | 'statement_timeout', string>>,
) {
  let last: Promise<unknown> = Promise.resolve()
  const names = ['lock_timeout', 'statement_timeout'] as const
  return (text: string, values?: unknown[]) => {
    const result = last.then(async () => {
      await connection.query(`BEGIN ${isolation} READ ONLY`)
      try {
        for (const name of names) {
          await connection.query('SELECT pg_catalog.set_config($1, $2, true)', [name, settings[name]])
        }
        return await connection.query(text, values)
      } finally {
        await connection.query('ROLLBACK')
      }
    })
    last = result.catch(() => {})
    return result
  }
}
