/** An object that runs statements: a `pg.Client`, a `pg.Pool`, or a {@link ControlConnection}. */
export interface QueryClient {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}

/**
 * The single value of a statement that returns JSON as text, parsed and frozen. As text, because the client's owner may
 * have changed the type parser of `json`.
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
