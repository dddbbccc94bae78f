import { schemaChangesQuery, schemaMarkQuery } from '../queries/schema.ts'
import { type QueryClient, queryFrozen } from '../query-client.ts'

/** The schema of this database at one moment. */
export interface SchemaMark {
  readonly nextTransaction: string
  readonly digest: string
}

/** What was committed since a mark, by whomever. */
export interface SchemaChanges {
  /** Tables and views that were created or changed. What was dropped is not there to be named. */
  readonly relations: readonly string[]
  /** The records of a migration tool were written with the last change or after it: the tool knows that it is done. */
  readonly isRecorded: boolean
}

interface FoundChanges {
  /** The transaction of the last change that left a row. */
  readonly last?: string
  readonly relations: readonly string[]
  /** Tables of migration tools, quoted. */
  readonly records: readonly string[]
}

export function schemaMark(client: QueryClient): Promise<SchemaMark> {
  return queryFrozen<SchemaMark>(client, schemaMarkQuery)
}

/** @returns undefined if the schema is as it was */
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

/** Transactions are counted in 32 bits, round and round. */
function isSince(transaction: string, other: string): boolean {
  return Number(BigInt.asIntN(32, BigInt(transaction) - BigInt(other))) >= 0
}
