import type { Clock } from '../core/time/clock.ts'
import { within } from '../core/time/within.ts'
import { clientBehind } from './handle.ts'
import type { Client, Connection, Pool } from './types.ts'
import { activeQuery, workOf } from './work.ts'

/** A server that does not answer a cancel request by then is not going to. */
const cancelMillis = 1000

type ConnectionConstructor = new (config: {
  ssl: unknown
  sslNegotiation: unknown
  stream: unknown
}) => Connection

/**
 * Asks the server to cancel what the client's session is running, on a connection of its own, made by the driver's
 * own class so that it goes the same way (socket, TLS, tunnel). Resolves when the server has closed that connection:
 * the signal has been sent by then.
 *
 * A server that cannot be reached, or does not answer, gets one second; then the connection is closed, which would keep
 * the process alive otherwise.
 */
export function cancelRunning(client: Client, stream: unknown, clock: Clock): Promise<void> {
  const { connection, processID, secretKey } = client
  if (connection === undefined || processID === undefined || processID === null) {
    return Promise.reject(new Error('the driver does not tell how to cancel a statement'))
  }
  const Canceller = connection.constructor as ConnectionConstructor
  const canceller = new Canceller({
    ssl: client.ssl,
    sslNegotiation: client.sslNegotiation,
    // Only a factory can make a second stream; an instance is the one already in use.
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
  // Whatever became of it: TLS replaces the stream, and what was destroyed with an error would report it once more.
  return within(clock, cancelMillis, closed).finally(() => canceller.stream.destroy())
}

/**
 * Cancels a statement that the driver has given up (its option `query_timeout`), and waits until the client is ready
 * again. Any other is left to end: its error may be one that nobody handles. Never fails.
 */
export async function endAbandonedStatement(owned: object, pool: unknown, clock: Clock): Promise<void> {
  const client = clientBehind(owned) as Client
  const { connection } = client
  if (connection === undefined || client.readyForQuery !== false || workOf(client) !== 'query') return
  // The driver has answered already, and has put a function in place of the callback that takes nothing.
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
