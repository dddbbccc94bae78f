import { databaseCountersQuery } from './queries/statistics.ts'
import { type QueryClient, queryFrozen } from './query-client.ts'

/** The server's counters for this database. They are updated when a transaction or a session ends. */
export interface DatabaseCounters {
  /** All sessions since the last reset of the statistics. */
  readonly sessions: number
  readonly deadlocks: number
  /** Sessions that were terminated by an operator. */
  readonly sessionsKilled: number
  /** The time that a session waits for a lock before the server checks for a deadlock. */
  readonly deadlockMillis: number
}

export function databaseCounters(client: QueryClient): Promise<DatabaseCounters> {
  return queryFrozen<DatabaseCounters>(client, databaseCountersQuery)
}
