import { pendingDetachesQuery } from '../queries/detaches.ts'
import { type QueryClient, queryFrozen } from '../query-client.ts'

/** A partition between the two phases of DETACH PARTITION CONCURRENTLY. */
export interface PendingDetach {
  readonly id: number
  /** Both names qualified and quoted. */
  readonly parent: string
  readonly partition: string
}

/** All pending detaches of this database, including those that are in progress. */
export function pendingDetaches(client: QueryClient): Promise<readonly PendingDetach[]> {
  return queryFrozen<readonly PendingDetach[]>(client, pendingDetachesQuery)
}

/** The statement that completes it, and the only way to do so. */
export function finalizeStatement({ parent, partition }: PendingDetach): string {
  return `ALTER TABLE ${parent} DETACH PARTITION ${partition} FINALIZE;`
}
