import { pendingDetachesQuery } from '../queries/detaches.ts'
import { type QueryClient, queryFrozen } from '../query-client.ts'

/** A partition between the two phases of DETACH PARTITION CONCURRENTLY: neither a partition any more nor a table of its own. */
export interface PendingDetach {
  readonly id: number
  /** Both with their schemas, quoted. */
  readonly parent: string
  readonly partition: string
}

/** All of this database, also those that somebody is detaching now. */
export function pendingDetaches(client: QueryClient): Promise<readonly PendingDetach[]> {
  return queryFrozen<readonly PendingDetach[]>(client, pendingDetachesQuery)
}

/** The statement that completes it. Nothing else does. */
export function finalizeStatement({ parent, partition }: PendingDetach): string {
  return `ALTER TABLE ${parent} DETACH PARTITION ${partition} FINALIZE;`
}
