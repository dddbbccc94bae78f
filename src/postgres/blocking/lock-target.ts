import { namesQuery } from '../queries/names.ts'
import { type QueryClient, queryFrozen } from '../query-client.ts'
import type { LockRow, LockWait, ServerData } from '../server-data.ts'

/** Names of objects of the connected database, by oid. */
export interface NameTable {
  readonly relations: Readonly<Record<string, string>>
  /** By `classid/objid/objsubid`. */
  readonly objects: Readonly<Record<string, string>>
}

const noNames: NameTable = { relations: {}, objects: {} }

/**
 * Looks up the names of the awaited objects. If a catalog itself is locked, there are no names, but the blocking tree
 * must still be shown.
 */
export async function readNames(
  client: QueryClient,
  server: ServerData,
  rows: readonly LockRow[],
): Promise<NameTable> {
  const relations = new Set<number>()
  const objects = new Set<string>()
  for (const row of rows) {
    const named = row.row ?? row
    if (named.relation !== undefined && isKnown(named.database, server)) relations.add(named.relation)
    if (row.lockType === 'object' && isKnown(row.database, server)) objects.add(objectKey(row))
  }
  if (relations.size + objects.size === 0) return noNames
  try {
    return await queryFrozen<NameTable>(client, namesQuery, [[...relations], [...objects]])
  } catch (error) {
    if (isTimeout(error)) return noNames
    throw error
  }
}

/** 55P03: the lock could not be acquired in time. 57014: the statement took too long. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '55P03' || error.code === '57014')
}

/** An oid of another database may be another object here: a plausible but wrong one in a clone of a template. */
function isKnown(database: number | undefined, server: ServerData): boolean {
  return database === 0 || database === server.databaseId
}

function objectKey({ classId, objectId, objectSubId }: LockRow): string {
  return `${classId}/${objectId}/${objectSubId}`
}

export function describeWait(row: LockRow, server: ServerData, names: NameTable): LockWait {
  const relation = relationName(row, server, names)
  const object = [
    row.lockType,
    ...[row.database, row.relation, row.page, row.tuple, row.virtualTransaction, row.transaction],
    ...[row.classId, row.objectId, row.objectSubId],
  ]
  return {
    pid: row.pid,
    lockType: row.lockType,
    mode: row.mode,
    target: describeTarget(row, server, names, relation),
    ...(relation === undefined ? {} : { relation }),
    object: object.join('/'),
    ...(row.millis === undefined ? {} : { millis: Math.max(0, row.millis) }),
  }
}

function relationName(row: LockRow, server: ServerData, names: NameTable): string | undefined {
  const { database, relation } = row.row ?? row
  if (relation === undefined || !isKnown(database, server)) return undefined
  return names.relations[relation]
}

function describeTarget(
  row: LockRow,
  server: ServerData,
  names: NameTable,
  relation: string | undefined,
): string {
  const table = relation ?? unnamed(row)
  switch (row.lockType) {
    case 'relation':
      return table
    case 'extend':
      return `the extension of ${table}`
    case 'page':
      return `page ${row.page} of ${table}`
    case 'tuple':
      return `row (${row.page},${row.tuple}) of ${table}`
    case 'transactionid':
      return row.row === undefined
        ? `the end of transaction ${row.transaction}`
        : `row (${row.row.page},${row.row.tuple}) of ${table}, held by transaction ${row.transaction}`
    case 'virtualxid':
      return `the end of virtual transaction ${row.virtualTransaction}`
    case 'advisory':
      return `advisory lock ${row.advisoryKey}${row.database === server.databaseId ? '' : ` of database ${row.database}`}`
    case 'object': {
      const known = isKnown(row.database, server) ? names.objects[objectKey(row)] : undefined
      return known ?? `object ${row.classId}/${row.objectId} of database ${row.database}`
    }
    default:
      return row.lockType
  }
}

function unnamed(row: LockRow): string {
  const { database, relation } = row.row ?? row
  if (relation === undefined) return 'a relation'
  return database === undefined || database === 0
    ? `relation ${relation}`
    : `relation ${relation} of database ${database}`
}
