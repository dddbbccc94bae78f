import type { QueryClient, ServerSession } from '../../../postgres/index.ts'
import { endOf } from './command-sessions.ts'
import { openEnds } from './process-tree.ts'

const ownEndQuery = `
SELECT pg_catalog.host(pg_catalog.inet_client_addr()) AS address, pg_catalog.inet_client_port() AS port`

/**
 * Whether a session has lost its client: it connected from this machine, and its connection is no longer open here. Only
 * if the server sees the same addresses as this machine, which our own connection shows.
 */
export async function isClientGone(client: QueryClient, session: ServerSession): Promise<boolean> {
  const open = await openEnds()
  const end = endOf(session)
  if (open === undefined || end === undefined) return false
  const { rows } = await client.query(ownEndQuery)
  const { address, port } = rows[0] as { address: string | null; port: number | null }
  // From another machine, or through a network that translates addresses.
  if (address === null || port === null || address !== session.clientAddress) return false
  const ours = endOf({ clientAddress: address, clientPort: port })
  return ours !== undefined && open.has(ours) && !open.has(end)
}
