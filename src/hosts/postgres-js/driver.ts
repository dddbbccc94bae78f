/**
 * The parts of postgres.js that the guard touches, described structurally. `begin`, `reserve` and `end` are its public
 * API; queries and connections are what they are made of, which the driver shows by the option `onexecute` of a query.
 */
import type { Method } from '../../client/types.ts'

/** The pool, through which the application sends everything. */
export interface DriverSql {
  begin: Method
  reserve: Method
  end: Method
  unsafe: Unsafe
  /** What a callback of a cursor returns to close it. */
  readonly CLOSE?: unknown
  readonly options: {
    readonly max?: unknown
    readonly socket?: unknown
    readonly connection?: Record<string, unknown>
  }
}

export interface ReservedSql {
  release(): unknown
  readonly unsafe: Unsafe
}

type Unsafe = (text: string, args?: readonly unknown[], options?: QueryOptions) => Query

export interface QueryOptions {
  readonly simple?: boolean
  readonly prepare?: boolean
  /** Called with the connection that the query has been written to. */
  onexecute?(connection: Connection): unknown
}

/** A statement, which is a promise that sends it when it is awaited. */
export interface Query {
  /** Belongs to the `sql` that the query was made with, unless it reads its text from a file. */
  readonly handler: (query: Query) => unknown
  readonly canceller: ((query: Query) => Promise<unknown>) | null
  strings: readonly string[]
  /** The text; known after it was sent. */
  readonly string?: string
  readonly tagged: boolean
  /** For a tagged template: its stack. */
  readonly origin?: string
  readonly options: QueryOptions
  /** The session that it was sent on. */
  readonly state: { readonly pid: unknown } | null
  readonly cancelled: unknown
  readonly cursorFn?: unknown
  readonly onlyDescribe?: boolean
  executed: boolean
  resolve(value: unknown): unknown
  reject(error: unknown): unknown
  raw(): this
}

/** A caller of `reserve` that waits. */
export interface Reservation {
  reserve(connection: Connection): unknown
  reject(error: unknown): unknown
}

/** One slot of the pool, which lasts while its sessions open and close. */
export interface Connection {
  /** Returns whether more may be written. */
  execute(query: Query): unknown
  terminate(): unknown
  /** Opens a session, for the first that waits. */
  connect?(first: Query | Reservation): unknown
  /** Called when the server is ready for the owner's next statement. Null: the connection has no owner. */
  reserved: Reserved | null
  onclose?: ((error: unknown) => unknown) | null | undefined
}

export interface Reserved {
  (): unknown
  /** The owner releases; otherwise the connection returns to the pool as soon as no transaction is open. */
  release?: boolean
}

/** The lifeguard's own statement, which is written directly: awaiting it sends nothing. */
export function ownQuery(sql: Pick<DriverSql, 'unsafe'>, text: string, options: QueryOptions = {}): Query {
  const query = sql.unsafe(text, [], { ...options, simple: true })
  query.executed = true
  // Nothing awaits it.
  Promise.prototype.then.call(query, undefined, () => {})
  return query
}
