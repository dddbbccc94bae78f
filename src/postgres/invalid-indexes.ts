import { invalidIndexesQuery } from './queries/indexes.ts'
import { type QueryClient, queryFrozen } from './query-client.ts'
import { quoteName } from './quote.ts'

/** An index that slows down writes and serves no query, because building it was interrupted. */
export interface InvalidIndex {
  readonly id: number
  readonly schema: string
  readonly name: string
  readonly table: string
}

/** All of this database that nobody is building now. */
export function invalidIndexes(client: QueryClient): Promise<readonly InvalidIndex[]> {
  return queryFrozen<readonly InvalidIndex[]>(client, invalidIndexesQuery)
}

/** The statement that removes it. */
export function dropStatement({ schema, name }: InvalidIndex): string {
  // Reserved as the name of a role alone.
  const place = schema === 'public' ? schema : quoteName(schema)
  return `DROP INDEX CONCURRENTLY ${place}.${quoteName(name)};`
}
