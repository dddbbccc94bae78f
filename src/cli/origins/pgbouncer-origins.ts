import { openConnection } from '../../postgres/connection/plain-connection.ts'
import { connectionSettings } from '../../postgres/connection/settings.ts'
import type { OriginOf } from '../../postgres/report/session-origin.ts'

interface PoolerClient {
  readonly address: string
  readonly application?: string
  readonly user: string
}

/** The clients that PgBouncer has linked to sessions of the server. */
export interface PoolerState {
  /** The clients by the server's process id; undefined for a session without a client. */
  readonly clients: ReadonlyMap<number, PoolerClient | undefined>
}

const answerMillis = 5_000

/**
 * Reads PgBouncer's admin console, which accepts only simple statements, from a role in `stats_users` or `admin_users`.
 *
 * @throws ConnectionError, OptionError
 */
export async function readPgBouncer(url: string, env: NodeJS.ProcessEnv): Promise<PoolerState> {
  const settings = connectionSettings({ url, env })
  const console = await openConnection({ ...settings, database: 'pgbouncer' }, answerMillis, answerMillis)
  try {
    const servers = (await console.query('SHOW SERVERS')).rows as Record<string, unknown>[]
    const clients = (await console.query('SHOW CLIENTS')).rows as Record<string, unknown>[]
    const byPointer = new Map(clients.map((client) => [client.ptr, client]))
    return {
      clients: new Map(
        servers.map((server) => [Number(server.remote_pid), described(byPointer.get(server.link))]),
      ),
    }
  } finally {
    await console.close()
  }
}

/** The client behind the pooler. The server itself only sees the pooler, or an earlier client. */
export function pgBouncerOrigins({ clients }: PoolerState): OriginOf {
  return ({ pid, application }) => {
    if (!clients.has(pid)) return undefined
    const client = clients.get(pid)
    if (client === undefined) {
      return {
        source: 'pgbouncer',
        text: 'nobody, at PgBouncer',
        unverified: `no client has the session now; ${application === undefined ? 'its application name' : `"${application}"`} may belong to the last client`,
      }
    }
    const { address, user } = client
    const name = client.application === undefined ? 'client' : client.application
    return { source: 'pgbouncer', text: `${name} at ${address} as ${user}, through PgBouncer` }
  }
}

function described(client: Record<string, unknown> | undefined): PoolerClient | undefined {
  if (client === undefined) return undefined
  const application = client.application_name
  return {
    address: client.addr === 'unix' ? 'a local socket' : `${String(client.addr)}:${String(client.port)}`,
    user: String(client.user),
    ...(typeof application === 'string' && application !== '' ? { application } : {}),
  }
}
