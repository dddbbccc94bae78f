import { createHash } from 'node:crypto'
import type { QueryClient } from './query-client.ts'

/**
 * The key of the advisory lock that elects one of several processes: the first eight bytes of the name's SHA-256, as a
 * signed bigint. The same on every server and in every version.
 */
export function electionKey(name: string): string {
  return createHash('sha256').update(name).digest().readBigInt64BE().toString()
}

/**
 * Tries to win the election in this database. The winner keeps the lock until its session ends; then another process can
 * win. Do not call it again on a session that has won. Not valid through a pooler, which shares the session with others.
 *
 * @returns true if this session has won
 * @throws the client's errors
 */
export async function tryElection(client: QueryClient, name: string): Promise<boolean> {
  const { rows } = await client.query(
    'SELECT pg_catalog.pg_try_advisory_lock($1::pg_catalog.int8) AS elected',
    [electionKey(name)],
  )
  return (rows[0] as { elected: boolean }).elected
}
