import { advisoryLocksQuery } from './queries/advisory.ts'
import { type QueryClient, queryFrozen } from './query-client.ts'

/** An advisory lock held by a session, possibly an idle one outside a transaction. */
export interface AdvisoryLock {
  readonly pid: number
  /** The key in the form of the application's call: one bigint, or two integers as `1, 2`. */
  readonly key: string
  readonly isShared: boolean
}

/** The keys of locks with which migration tools ensure that only one instance runs. */
const migrationTools: Readonly<Record<string, string>> = {
  '72707369': 'Prisma',
  '7241865325823964': 'node-pg-migrate',
  '3853314791062309107': 'Kysely',
}

/** All advisory locks held in this database, except those of the calling session. */
export function advisoryLocks(client: QueryClient): Promise<readonly AdvisoryLock[]> {
  return queryFrozen<readonly AdvisoryLock[]>(client, advisoryLocksQuery)
}

/** The migration tool that takes this lock; undefined if the key is unknown. */
export function migrationToolOf({ key }: AdvisoryLock): string | undefined {
  return Object.hasOwn(migrationTools, key) ? migrationTools[key] : undefined
}
