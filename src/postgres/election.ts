import { createHash } from 'node:crypto'
import type { QueryClient } from './query-client.ts'

/**
 * The key of the advisory lock by which those who could all act agree on one: the first eight bytes of the name's SHA-256,
 * as a signed bigint. The same on every server and in every version.
 */
export function electionKey(name: string): string {
  return createHash('sha256').update(name).digest().readBigInt64BE().toString()
}

/**
 * Tries to become the one who acts, in this database, until the session ends: then the server frees the lock, and another
 * one gets it. Once won, it must not be called again on the same session. Means nothing through a pooler, which lends the
 * server's session to others.
 *
 * @returns whether this session is the one
 * @throws what the client throws
 */
export async function tryElection(client: QueryClient, name: string): Promise<boolean> {
  const { rows } = await client.query(
    'SELECT pg_catalog.pg_try_advisory_lock($1::pg_catalog.int8) AS elected',
    [electionKey(name)],
  )
  return (rows[0] as { elected: boolean }).elected
}
