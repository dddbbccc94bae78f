import { systemClock } from '../core/time/clock.ts'
import { within } from '../core/time/within.ts'
import { ConnectionError } from '../errors.ts'
import { explainFailure } from './connection-failure.ts'
import {
  type ConnectionOptions,
  type ConnectionSettings,
  connectionSettings,
  describeTarget,
  readOptionFile,
  systemRoots,
} from './connection-settings.ts'
import type { QueryClient } from './query-client.ts'

export interface ControlOptions extends ConnectionOptions {
  /** How long connecting may take, authentication included. Default 10 s. */
  readonly connectMillis?: number
  /** How long a statement may wait for a lock, on a catalog for instance. Default 2 s. */
  readonly lockMillis?: number
  /** How long a statement may run. Default 15 s. A statement that is not answered within twice the time ends the connection. */
  readonly statementMillis?: number
}

/** A connection of its own, outside of any pool: a pool that is full must not keep its rescuer out. */
export interface ControlConnection extends QueryClient, AsyncDisposable {
  /** Runs one statement. Throws ConnectionError if the connection is lost, and the driver's error if the statement fails. */
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
  /** Of this connection, on the server. */
  readonly pid: number
  /**
   * A pooler such as PgBouncer is in between. Then settings are made for one statement at a time, because a setting of the
   * session would reach whoever gets the server connection next, and nothing that belongs to a session may be relied on.
   */
  readonly isPooled: boolean
  /** For people: `database shop at db:5432 as app`. */
  readonly target: string
  /** Settles when the connection is over, with what ended it, or undefined after `close()`. */
  readonly closed: Promise<ConnectionError | undefined>
  /** Says farewell, for a moment only, and is over in any case. */
  close(): Promise<void>
}

/** What is used of a `pg.Client`. */
interface DriverClient extends QueryClient {
  readonly processID?: number | null
  readonly connection?: { readonly stream?: { destroy(): unknown } }
  connect(): Promise<unknown>
  end(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'end', listener: () => void): unknown
}

type Driver = new (config: object) => DriverClient

const farewellMillis = 1_000
const isolation = 'ISOLATION LEVEL READ COMMITTED'

/** For the session. Those that an old server does not have are left out: it is told by its version, later. */
const applySettings = `
SELECT pg_catalog.set_config(s.name, w.value, false)
FROM pg_catalog.pg_settings AS s JOIN pg_catalog.json_each_text($1::pg_catalog.json) AS w(name, value) ON w.name = s.name`

/**
 * Opens a connection that only looks, and signals sessions: read only, with timeouts, and under the application name
 * `pg-lifeguard`. `pg` must be installed.
 *
 * @throws OptionError if the options make no sense; ConnectionError if there is no connection
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

export interface PlainConnection extends QueryClient {
  readonly processId: number | undefined
  readonly target: string
  readonly closed: Promise<ConnectionError | undefined>
  close(): Promise<void>
}

/** Without anything sent yet: the admin console of a pooler takes no settings. */
export async function openConnection(
  settings: ConnectionSettings,
  connectMillis: number,
  answerMillis: number,
): Promise<PlainConnection> {
  const Client = await loadDriver()
  const target = describeTarget(settings)
  const asError = (error: unknown) => new ConnectionError(...explainFailure(error, target, settings.password))
  const choices = tlsChoices(settings)
  for (const [at, ssl] of choices.entries()) {
    const client = new Client({
      ...pick(settings),
      ssl,
      application_name: 'pg-lifeguard',
      connectionTimeoutMillis: connectMillis,
      keepAlive: true,
    })
    let failure: unknown
    const lost = new Promise<unknown>((resolve) => {
      client.on('error', (error) => {
        failure ??= error
      })
      client.on('end', () => resolve(failure))
    })
    try {
      await within(systemClock, connectMillis + farewellMillis, client.connect(), tooLate('the connection'))
      return connected(client, target, answerMillis, lost, asError)
    } catch (error) {
      void client.end().catch(() => {})
      if (at === choices.length - 1 || !isAboutTls(error)) throw asError(failure ?? error)
    }
  }
  throw asError(new Error('no way to connect'))
}

function connected(
  client: DriverClient,
  target: string,
  answerMillis: number,
  lost: Promise<unknown>,
  asError: (error: unknown) => ConnectionError,
): PlainConnection {
  let isClosing = false
  let broken: ConnectionError | undefined
  const closed = lost.then((failure) => {
    if (isClosing) return undefined
    broken ??= asError(failure ?? new Error('the connection was lost'))
    return broken
  })
  return {
    processId: client.processID ?? undefined,
    target,
    closed,
    async close() {
      isClosing = true
      // A network that swallows the farewell must not keep the process alive.
      await within(systemClock, farewellMillis, client.end(), tooLate('the farewell')).catch(() =>
        client.connection?.stream?.destroy(),
      )
    },
    async query(text, values) {
      if (broken !== undefined) throw broken
      try {
        return await within(systemClock, answerMillis, client.query(text, values), tooLate('the answer'))
      } catch (error) {
        if (isServerError(error)) throw error
        broken ??= asError(error)
        // Nothing that comes now could be told from the answer to another statement. A busy connection is cut off by it.
        void client.end().catch(() => {})
        throw broken
      }
    },
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

async function loadDriver(): Promise<Driver> {
  try {
    const { default: pg } = await import('pg')
    return pg.Client as unknown as Driver
  } catch (cause) {
    throw new ConnectionError('the package pg is not installed: npm install pg', codeOf(cause))
  }
}

/** `prefer`, as libpq has it: TLS where the server has it, without looking at the certificate. */
function tlsChoices(settings: ConnectionSettings): readonly (object | false)[] {
  if (settings.ssl === 'disable' || settings.host.startsWith('/')) return [false]
  const file = (option: string, path: string | undefined) =>
    path === undefined ? undefined : readOptionFile(option, path)
  const certificates = {
    ca: settings.sslRootCert === systemRoots ? undefined : file('sslrootcert', settings.sslRootCert),
    cert: file('sslcert', settings.sslCert),
    key: file('sslkey', settings.sslKey),
  }
  const given = Object.fromEntries(Object.entries(certificates).filter(([, text]) => text !== undefined))
  switch (settings.ssl) {
    case 'verify-full':
      return [given]
    case 'verify-ca':
      return [{ ...given, checkServerIdentity: () => undefined }]
    case 'require':
      // With a root certificate libpq looks at the chain, too.
      return [
        settings.sslRootCert === undefined
          ? { ...given, rejectUnauthorized: false }
          : { ...given, checkServerIdentity: () => undefined },
      ]
    case 'no-verify':
      return [{ ...given, rejectUnauthorized: false }]
    case 'allow':
      return [false, { ...given, rejectUnauthorized: false }]
    default:
      return [{ ...given, rejectUnauthorized: false }, false]
  }
}

function pick({ host, port, database, user, password, options }: ConnectionSettings): object {
  return {
    host,
    port,
    database,
    user,
    ...(password === undefined ? {} : { password }),
    ...(options === undefined ? {} : { options }),
  }
}

/** The server has no TLS, or its pg_hba.conf refuses this kind of connection (28000): libpq tries the other kind. */
function isAboutTls(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return /does not support SSL/i.test(error.message) || ('code' in error && error.code === '28000')
}

/** An answer of the server to the statement, after which the connection is as good as before. */
function isServerError(error: unknown): boolean {
  if (!(error instanceof Error) || !('severity' in error)) return false
  return error.severity === 'ERROR'
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

function tooLate(what: string): () => Error {
  return () => Object.assign(new Error(`${what} did not come in time`), { code: 'ETIMEDOUT' })
}
