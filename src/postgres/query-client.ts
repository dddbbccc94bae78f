/** Whatever runs a statement: a `pg.Client`, a `pg.Pool`, or {@link ControlConnection}. */
export interface QueryClient {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}

/**
 * The one value of the one row of a statement that yields text with JSON, frozen. As text, because what a client makes of
 * PostgreSQL's own type `json` is up to the type parsers that its owner has set.
 */
export async function queryFrozen<Result>(
  client: QueryClient,
  text: string,
  values?: unknown[],
): Promise<Result> {
  const { rows } = await client.query(text, values)
  const value: unknown = Object.values(rows[0] ?? {})[0]
  if (typeof value !== 'string') throw new TypeError(`a row with text was expected, got ${typeof value}`)
  return JSON.parse(value, (_name, part) => Object.freeze(part)) as Result
}
