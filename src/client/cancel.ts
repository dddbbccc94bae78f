import type { Clock } from '../core/time/clock.ts'
import { within } from '../core/time/within.ts'
import { clientBehind } from './handle.ts'
import type { Client, Connection, Pool } from './types.ts'
import { activeQuery, workOf } from './work.ts'

/** The time limit of a cancel request: a server that has not answered by then will not answer. */
const cancelMillis = 1000

type ConnectionConstructor = new (config: {
  ssl: unknown
  sslNegotiation: unknown
  stream: unknown
}) => Connection

/**
 * Asks the server to cancel the statement that the client's session is running. The request uses a separate connection,
 * opened by the driver's own class so that it takes the same route (socket, TLS, tunnel). Resolves when the server has
 * closed that connection, which it does after it has sent the signal.
 *
 * If the server does not answer within one second, the connection is closed, because it would keep the process alive.
 */
export function cancelRunning(client: Client, stream: unknown, clock: Clock): Promise<void> {
  const { connection, processID, secretKey } = client
  if (connection === undefined || processID === undefined || processID === null) {
    return Promise.reject(new Error('the driver has no method to cancel a statement'))
  }
  const Canceller = connection.constructor as ConnectionConstructor
  const canceller = new Canceller({
    ssl: client.ssl,
    sslNegotiation: client.sslNegotiation,
    // Only a factory can create a second stream; an instance is already in use.
    stream: typeof stream === 'function' ? stream : undefined,
  })
  const closed = new Promise<void>((resolve, reject) => {
    const send = () => canceller.cancel(processID, secretKey)
    canceller.on('connect', () => {
      if (!client.ssl) send()
      else if (client.sslNegotiation !== 'direct') canceller.requestSsl()
    })
    canceller.on('sslconnect', send)
    canceller.on('error', reject)
    canceller.on('end', () => resolve())
    if (client.host?.startsWith('/')) canceller.connect(`${client.host}/.s.PGSQL.${client.port}`)
    else canceller.connect(client.port, client.host)
  })
  // In any case. TLS replaces the stream, so it is read here; without an error, or it would be reported once more.
  return within(clock, cancelMillis, closed).finally(() => canceller.stream.destroy())
}

/**
 * Cancels a statement that the driver has abandoned (its option `query_timeout`), and waits until the client is ready
 * again. Other statements are left alone, because nobody may handle their error. Never fails.
 */
export async function endAbandonedStatement(owned: object, pool: unknown, clock: Clock): Promise<void> {
  const client = clientBehind(owned) as Client
  const { connection } = client
  if (connection === undefined || client.readyForQuery !== false || workOf(client) !== 'query') return
  // The driver has answered already, and has replaced the callback by a function without parameters.
  const { callback } = activeQuery(client) ?? {}
  if (callback === undefined || callback.length > 0) return
  let settle = () => {}
  const settled = new Promise<void>((resolve) => {
    settle = resolve
  })
  for (const event of ['readyForQuery', 'end']) connection.on(event, settle)
  const cancelled = cancelRunning(client, (pool as Pool).options?.stream, clock).then(() => settled)
  await within(clock, cancelMillis, cancelled).catch(() => {})
  for (const event of ['readyForQuery', 'end']) connection.removeListener(event, settle)
}
