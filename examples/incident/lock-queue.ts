/** What PostgreSQL itself says about who waits for whom. */
import type pg from 'pg'

export interface QueuedSession {
  readonly pid: number
  /** Its `application_name`. */
  readonly name: string
  /** As in `pg_stat_activity`: `idle in transaction` for one who blocks and does nothing. */
  readonly state: string
  /** Server pids; empty for one who waits for nobody. */
  readonly waitsFor: readonly number[]
  /** Since its last statement was sent. */
  readonly seconds: number
  readonly statement: string
}

/** Sessions that wait for a lock, and those that idle in a transaction: first come, first in the list. */
export async function lockQueue(client: pg.Client): Promise<QueuedSession[]> {
  const { rows } = await client.query<QueuedSession>(`
    SELECT pid,
           application_name AS name,
           state,
           pg_blocking_pids(pid) AS "waitsFor",
           extract(epoch FROM clock_timestamp() - query_start)::float8 AS seconds,
           query AS statement
    FROM pg_stat_activity
    WHERE datname = current_database()
      AND (state LIKE 'idle in transaction%' OR wait_event_type = 'Lock')
    ORDER BY query_start`)
  return rows
}
