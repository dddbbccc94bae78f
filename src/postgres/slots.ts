import { slotsQuery } from './queries/slots.ts'
import { type QueryClient, queryFrozen } from './query-client.ts'

/** The maximum number of sessions at the same time. */
export interface SlotLimits {
  readonly max: number
  /** The part reserved for superusers and, since PostgreSQL 16, for roles with `pg_use_reserved_connections`. */
  readonly reserved: number
  /** The connected database's own limit, if it has one. */
  readonly databaseLimit?: number
}

/** The server's limits. */
export function slotLimits(client: QueryClient): Promise<SlotLimits> {
  return queryFrozen<SlotLimits>(client, slotsQuery)
}
