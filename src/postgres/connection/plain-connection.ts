import { systemClock } from '../../core/time/clock.ts'
import { within } from '../../core/time/within.ts'
import { ConnectionError } from '../../errors.ts'
import type { QueryClient } from '../query-client.ts'
import { explainFailure } from './failure.ts'
import { type ConnectionSettings, describeTarget } from './settings.ts'
import { isAboutTls, tlsChoices } from './tls.ts'

export interface PlainConnection extends QueryClient {
  readonly processId: number | undefined
  readonly target: string
  readonly closed: Promise<ConnectionError | undefined>
  close(): Promise<void>
}

/** The part of a `pg.Client` that is used. */
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

/** Opens a connection without sending settings, which the admin console of a pooler refuses. */
export async function openConnection(
  settings: ConnectionSettings,
  connectMillis: number,
  answerMillis: number,
): Promise<PlainConnection> {
  const Client = await loadDriver()
  const target = describeTarget(settings)
  const asError = (error: unknown) => new ConnectionError(...explainFailure(error, settings))
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
      // A network that drops the Terminate message must not keep the process alive.
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
        // A late answer could be taken for that of the next statement. `end` closes a busy connection at once.
        void client.end().catch(() => {})
        throw broken
      }
    },
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

/** Whether it is the server's answer to the statement, after which the connection is still usable. */
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
