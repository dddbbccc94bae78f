import { dropStatement, type InvalidIndex, invalidIndexes } from '../../postgres/invalid-indexes.ts'
import type { QueryClient } from '../../postgres/query-client.ts'
import { type SchemaMark, schemaChanges, schemaMark } from '../../postgres/schema/changes.ts'
import {
  finalizeStatement,
  type PendingDetach,
  pendingDetaches,
} from '../../postgres/schema/pending-detaches.ts'
import type { MigrateEvent } from './events.ts'
import { failedPrismaMigrations, knexLocks } from './tool-records.ts'

/** The database before an attempt. Parts that the server did not return are absent. */
export interface Baseline {
  readonly invalid?: readonly InvalidIndex[]
  readonly detaches?: readonly PendingDetach[]
  readonly schema?: SchemaMark
}

/** The traces of an attempt in the database, as events. */
export interface Traces {
  readonly events: readonly MigrateEvent[]
  /** True if the traces would make the next attempt fail, or skip a half-finished object. */
  readonly isRetryUseless: boolean
}

export async function takeBaseline(client: QueryClient): Promise<Baseline> {
  const invalid = await unlessRefused(invalidIndexes(client))
  const detaches = await unlessRefused(pendingDetaches(client))
  const schema = await unlessRefused(schemaMark(client))
  return {
    ...(invalid && { invalid }),
    ...(detaches && { detaches }),
    ...(schema && { schema }),
  }
}

/** The traces of an attempt that did not succeed. */
export async function findTraces(client: QueryClient, before: Baseline): Promise<Traces> {
  const halfDone = [...(await freshInvalid(client, before)), ...(await freshDetaches(client, before))]
  const changes = before.schema && (await unlessRefused(schemaChanges(client, before.schema)))
  const isCommitted = changes !== undefined && !changes.isRecorded
  const locks = (await unlessRefused(knexLocks(client))) ?? []
  const failed = (await unlessRefused(failedPrismaMigrations(client))) ?? []
  return {
    events: [
      ...halfDone,
      // A half-finished index or partition is also a schema change, but is reported as itself.
      ...(isCommitted && halfDone.length === 0
        ? [{ event: 'committed', relations: changes.relations } as const]
        : []),
      ...locks.map((table) => ({ event: 'knex-lock', table }) as const),
      ...failed.map((migration) => ({ event: 'prisma-failed', migration }) as const),
    ],
    isRetryUseless: halfDone.length + failed.length > 0 || isCommitted,
  }
}

/** Invalid indexes that `CREATE INDEX IF NOT EXISTS` may have skipped in a successful attempt. */
export async function olderInvalid(client: QueryClient, before: Baseline): Promise<readonly MigrateEvent[]> {
  const now = (await unlessRefused(invalidIndexes(client))) ?? []
  const older = now.filter(({ id }) => before.invalid?.some((one) => one.id === id))
  return older.map((index) => ({ ...invalidEvent(index), isOlder: true }))
}

async function freshInvalid(client: QueryClient, { invalid }: Baseline): Promise<MigrateEvent[]> {
  const now = (await unlessRefused(invalidIndexes(client))) ?? []
  return now
    .filter(({ id }) => invalid !== undefined && !invalid.some((one) => one.id === id))
    .map(invalidEvent)
}

async function freshDetaches(client: QueryClient, { detaches }: Baseline): Promise<MigrateEvent[]> {
  const now = (await unlessRefused(pendingDetaches(client))) ?? []
  return now
    .filter(({ id }) => detaches !== undefined && !detaches.some((one) => one.id === id))
    .map((one) => ({
      event: 'pending-detach',
      partition: one.partition,
      parent: one.parent,
      finalize: finalizeStatement(one),
    }))
}

function invalidEvent(index: InvalidIndex) {
  const { schema, name, table } = index
  return { event: 'invalid-index', name: `${schema}.${name}`, table, drop: dropStatement(index) } as const
}

/** Returns undefined if a missing privilege or a locked catalog prevents a query. */
async function unlessRefused<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Error && 'severity' in error && error.severity === 'ERROR') return undefined
    throw error
  }
}
