import pg from 'pg'
import type { FindingKind, Lifeguard, LifeguardOptions } from '../../../src/index.ts'

/** What the code of a twin has at hand. */
export interface Surroundings {
  readonly pool: pg.Pool
  /** Without a guard on the pool in the bare run. */
  readonly lifeguard: Lifeguard
  /** Another pool of the same database, watched as `other`. */
  other(): pg.Pool
  /** Time that passes while the code does something else than to wait for the database. */
  pass(millis: number): Promise<void>
  /** A request that runs this code. */
  request<Result>(work: () => Promise<Result>): Promise<Result>
  /** On a connection of its own. */
  sql(text: string): Promise<pg.QueryResult>
}

type Code = (surroundings: Surroundings) => Promise<unknown>

/** A leak, and the correct code that does the same. */
export interface Twin {
  readonly name: string
  /** The leak is found as this. */
  readonly leak: FindingKind
  readonly wrong: Code
  /** Yields what bare code yields. */
  readonly right: Code
  /** Of the pool; 2 if not given. */
  readonly max?: number
  readonly options?: LifeguardOptions
}

/** A checkout in try and finally, which is what most correct code comes to. */
export async function withClient<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect()
  try {
    return await work(client)
  } finally {
    client.release()
  }
}

/** BEGIN, COMMIT or ROLLBACK, release. */
export function inTransaction<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  return withClient(pool, async (client) => {
    await client.query('BEGIN')
    try {
      const result = await work(client)
      await client.query('COMMIT')
      return result
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    }
  })
}

/** The SQLSTATE or the code of an error. */
export async function codeOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work()
    return undefined
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}

/** A value that every statement yields. */
export async function one(client: Pick<pg.ClientBase, 'query'>): Promise<unknown> {
  const { rows } = await client.query('SELECT 1 AS one')
  return rows[0]
}

export { pg }
