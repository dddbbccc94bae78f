import { advisoryLocksQuery } from './queries/advisory.ts'
import { type QueryClient, queryFrozen } from './query-client.ts'

/** An advisory lock that a session holds. An idle session may hold one too, outside of any transaction. */
export interface AdvisoryLock {
  readonly pid: number
  /** As the application gave it: one bigint, or two integers as `1, 2`. */
  readonly key: string
  readonly isShared: boolean
}

/** Those that migration tools take so that only one of them runs. */
const migrationTools: Readonly<Record<string, string>> = {
  '72707369': 'Prisma',
  '7241865325823964': 'node-pg-migrate',
  '3853314791062309107': 'Kysely',
}

/** All that sessions of this database hold, except for the session that asks. */
export function advisoryLocks(client: QueryClient): Promise<readonly AdvisoryLock[]> {
  return queryFrozen<readonly AdvisoryLock[]>(client, advisoryLocksQuery)
}

/** The migration tool that takes this lock, as far as its key is known. */
export function migrationToolOf({ key }: AdvisoryLock): string | undefined {
  return Object.hasOwn(migrationTools, key) ? migrationTools[key] : undefined
}
