import { schemaChangesQuery, schemaMarkQuery } from '../queries/schema.ts'
import { type QueryClient, queryFrozen } from '../query-client.ts'

/** The schema of this database at one moment. */
export interface SchemaMark {
  readonly nextTransaction: string
  readonly digest: string
}

/** The schema changes of all sessions that were committed since a mark. */
export interface SchemaChanges {
  /** The tables and views that were created or changed. Dropped ones are unknown. */
  readonly relations: readonly string[]
  /** True if a migration tool has written its records with or after the last change: the tool knows about it. */
  readonly isRecorded: boolean
}

interface FoundChanges {
  /** The transaction of the last change that is visible in a catalog row. */
  readonly last?: string
  readonly relations: readonly string[]
  /** The tables of migration tools, quoted. */
  readonly records: readonly string[]
}

export function schemaMark(client: QueryClient): Promise<SchemaMark> {
  return queryFrozen<SchemaMark>(client, schemaMarkQuery)
}

/** @returns undefined if the schema is unchanged */
export async function schemaChanges(
  client: QueryClient,
  since: SchemaMark,
): Promise<SchemaChanges | undefined> {
  const now = await schemaMark(client)
  if (now.digest === since.digest) return undefined
  const { nextTransaction } = since
  const { last, relations, records } = await queryFrozen<FoundChanges>(client, schemaChangesQuery, [
    nextTransaction,
  ])
  let isRecorded = false
  for (const table of records) {
    const newest = await newestVersion(client, table)
    isRecorded ||= newest !== undefined && isSince(newest, last ?? nextTransaction)
  }
  return { relations, isRecorded }
}

async function newestVersion(client: QueryClient, table: string): Promise<string | undefined> {
  const text = `SELECT xmin::pg_catalog.text AS version FROM ${table} ORDER BY pg_catalog.age(xmin) LIMIT 1`
  const { rows } = await client.query(text)
  return (rows[0] as { version: string } | undefined)?.version
}

/** Transaction ids are 32-bit counters that wrap around. */
function isSince(transaction: string, other: string): boolean {
  return Number(BigInt.asIntN(32, BigInt(transaction) - BigInt(other))) >= 0
}
