import type { ConnectionError } from '../../errors.ts'
import type { QueryClient } from '../query-client.ts'
import { openConnection, type PlainConnection } from './plain-connection.ts'
import { type ConnectionOptions, connectionSettings } from './settings.ts'

export interface ControlOptions extends ConnectionOptions {
  /** How long connecting may take, authentication included. Default 10 s. */
  readonly connectMillis?: number
  /** How long a statement may wait for a lock, on a catalog for instance. Default 2 s. */
  readonly lockMillis?: number
  /** How long a statement may run. Default 15 s. A statement that is not answered within twice the time ends the connection. */
  readonly statementMillis?: number
}

/** A connection outside of any pool: a pool that is full must not keep its rescuer out. */
export interface ControlConnection extends QueryClient, AsyncDisposable {
  /** Runs one statement. Throws ConnectionError if the connection is lost, and the driver's error if the statement fails. */
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
  /** The server's process for this connection. */
  readonly pid: number
  /**
   * A pooler such as PgBouncer is in between. Then settings are made for one statement at a time, because a setting of the
   * session would reach the client that gets the server connection next, and nothing that belongs to a session may be relied on.
   */
  readonly isPooled: boolean
  /** For people: `database shop at db:5432 as app`. */
  readonly target: string
  /** Settles when the connection is over, with what ended it, or undefined after `close()`. */
  readonly closed: Promise<ConnectionError | undefined>
  /** Ends the session, and the socket after a moment in any case. */
  close(): Promise<void>
}

const isolation = 'ISOLATION LEVEL READ COMMITTED'

/** Applies settings to the session. Those that an old server lacks are left out: its version is checked later. */
const applySettings = `
SELECT pg_catalog.set_config(s.name, w.value, false)
FROM pg_catalog.pg_settings AS s JOIN pg_catalog.json_each_text($1::pg_catalog.json) AS w(name, value) ON w.name = s.name`

/**
 * Opens a connection that only looks, and signals sessions: read only, with timeouts, and under the application name
 * `pg-lifeguard`. `pg` must be installed.
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
    // Serializable, a look would fail on a standby; deferrable as well, it would wait for those that it is to show.
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
    // A pooler gives its clients a process id of its own making.
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

/** Each statement in a transaction of its own, with the settings for it alone. */
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
