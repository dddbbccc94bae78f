/**
 * The parts of node-postgres that the guard touches, described structurally so that the types of any version fit.
 * Names with an underscore are internal to `pg`; each use has a fallback for versions that lack them.
 */

import type { CapturedStack } from '../core/origin/origin.ts'

type AnyFunction = (...args: never[]) => unknown

/** A `pg.Pool`, or anything shaped like it. */
export interface PgPoolLike {
  connect: AnyFunction
  query: AnyFunction
  end?: AnyFunction
  on?: AnyFunction
  readonly totalCount?: number
  readonly idleCount?: number
  readonly waitingCount?: number
}

/** A `pg.Client`, or anything shaped like it. */
export interface PgClientLike {
  query: AnyFunction
}

export type Callback = (...args: unknown[]) => unknown
/** The pool's own release of one checkout; with an error the pool closes the client. */
export type GiveBack = (error?: unknown) => unknown
export type Method = (this: unknown, ...args: unknown[]) => unknown

export interface Pool {
  connect: Method
  query: Method
  end?: Method
  on?(event: string, listener: Callback): unknown
  removeListener?(event: string, listener: Callback): unknown
  readonly options?: {
    readonly max?: unknown
    /** The name in postgres-pool. */
    readonly poolSize?: unknown
    /** From pg-pool 3.8 on. */
    readonly min?: unknown
    readonly stream?: unknown
    /** From pg-pool 3.11 on. */
    readonly onConnect?: unknown
    readonly verify?: unknown
  }
  listenerCount?(event: string): number
  emit?: Method
  /** The class of the promises that it returns. */
  readonly Promise?: unknown
  readonly _idle?: readonly { readonly client?: unknown }[]
  readonly totalCount?: number
  readonly idleCount?: number
  readonly waitingCount?: number
  readonly _clients?: readonly Client[]
  /** `end()` was called, and all connections are closed. */
  readonly ended?: boolean
  _remove?(client: Client, callback: () => void): void
  _pulseQueue?(): void
  readonly _releaseOnce?: unknown
  readonly newClient?: Method
}

/** The properties of a pool's treatment of its clients. */
export interface PoolTraits {
  /** The factory of the pool's sockets, if the pool has one: a cancel request connects to the server in the same way. */
  readonly stream: unknown
  /** The application runs its own statements on each new client: RESET would not restore those settings. */
  readonly setUpByHost: boolean
  /** The pool takes a client back a second time, and would give it to two owners; a pool of node-postgres throws. */
  readonly takesBackTwice?: boolean | undefined
  /** The pool resets each session that is released: what owners leave in it is not judged. */
  readonly resetsSessions?: boolean
}

export interface Client {
  query: Method
  release?: GiveBack | undefined
  end?(): unknown
  on?(event: string, listener: Callback): unknown
  once?(event: string, listener: Callback): unknown
  removeListener?(event: string, listener: Callback): unknown
  readonly connection?: Connection
  readonly processID?: unknown
  readonly secretKey?: unknown
  readonly host?: string
  readonly port?: number
  readonly ssl?: unknown
  readonly sslNegotiation?: unknown
  readonly readyForQuery?: boolean
  /** From pg 8.23. */
  readonly pipeline?: boolean
  readonly _queryable?: boolean
  readonly _ending?: boolean
  readonly _ended?: boolean
  readonly _activeQuery?: unknown
  readonly activeQuery?: unknown
  readonly _queryQueue?: SubmittedQuery[]
  readonly queryQueue?: SubmittedQuery[]
  _pulseQueryQueue?(): void
  readonly _sentQueryQueue?: SubmittedQuery[]
  getTransactionStatus?(): unknown
  /** The cancel method of another driver. Resolves when the server has processed the request. */
  cancelRunning?(): Promise<void>
}

export interface Connection {
  on(event: string, listener: Callback): unknown
  prependListener(event: string, listener: Callback): unknown
  removeListener(event: string, listener: Callback): unknown
  connect(portOrSocket: unknown, host?: string): void
  requestSsl(): void
  cancel(processID: unknown, secretKey: unknown): void
  readonly stream: { destroy(error?: Error): void }
}

export interface SubmittedQuery {
  /** The place that has made the statement, where no stack leads there when it is sent. */
  readonly sentFrom?: CapturedStack | undefined
  readonly text?: unknown
  readonly values?: unknown
  callback?: Callback | undefined
  handleError?(error: unknown, connection: unknown): void
  /** Present if it is an emitter, as streams are. */
  once?(event: string, listener: Callback): unknown
  /** A query stream wraps a cursor. */
  readonly cursor?: unknown
  /** Present if it is a stream. */
  destroy?(): unknown
  _destroy?(error: unknown, callback: Callback): void
  readonly _result?: { readonly command?: unknown; readonly rows?: unknown; readonly rowCount?: unknown }
  readonly _results?: unknown
}

export function isClient(value: unknown): value is Client {
  return (
    typeof value === 'object' && value !== null && typeof (value as { query?: unknown }).query === 'function'
  )
}

/** The place that has made a statement, where the statement itself says so. */
export function sentFrom(config: unknown): CapturedStack | undefined {
  return typeof config === 'object' && config !== null ? (config as SubmittedQuery).sentFrom : undefined
}
