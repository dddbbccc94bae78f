import { databaseCountersQuery } from './queries/statistics.ts'
import { type QueryClient, queryFrozen } from './query-client.ts'

/** What the server counts for this database. A session adds to it when its transaction or it itself has ended. */
export interface DatabaseCounters {
  /** All that have been there. */
  readonly sessions: number
  readonly deadlocks: number
  /** Sessions that were terminated by an operator. */
  readonly sessionsKilled: number
  /** How long a session waits for a lock before the server looks for a deadlock. */
  readonly deadlockMillis: number
}

export function databaseCounters(client: QueryClient): Promise<DatabaseCounters> {
  return queryFrozen<DatabaseCounters>(client, databaseCountersQuery)
}
