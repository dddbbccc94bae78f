import { invalidIndexesQuery } from './queries/indexes.ts'
import { type QueryClient, queryFrozen } from './query-client.ts'
import { quoteName } from './quote.ts'

/** An index whose build was interrupted: it slows down writes and serves no query. */
export interface InvalidIndex {
  readonly id: number
  readonly schema: string
  readonly name: string
  readonly table: string
}

/** All invalid indexes of this database that are not being built now. */
export function invalidIndexes(client: QueryClient): Promise<readonly InvalidIndex[]> {
  return queryFrozen<readonly InvalidIndex[]>(client, invalidIndexesQuery)
}

/** The statement that drops it. */
export function dropStatement({ schema, name }: InvalidIndex): string {
  // `public` is reserved only as the name of a role.
  const place = schema === 'public' ? schema : quoteName(schema)
  return `DROP INDEX CONCURRENTLY ${place}.${quoteName(name)};`
}
