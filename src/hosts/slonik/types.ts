/** The parts of Slonik that the guard touches, described structurally. */

type AnyFunction = (...args: never[]) => unknown

/** A Slonik pool, created by `createPool`. */
export interface SlonikPoolLike {
  any: AnyFunction
  connect: AnyFunction
  transaction: AnyFunction
  end: AnyFunction
  state: AnyFunction
  readonly configuration: object
}

/** The parts of a Slonik interceptor that ours use. The context of one acquire is the same object from start to end. */
export interface SlonikInterceptor {
  readonly name: string
  readonly beforePoolConnection?: (context: object) => null
  readonly afterPoolConnection?: (context: object, connection: object) => null
  readonly beforePoolConnectionRelease?: (context: object, connection: object) => null
}

/** A connection of Slonik's driver, or the copy of it that the pool makes. */
export interface SlonikConnection {
  acquire(): void
  destroy(): Promise<void>
  release(): Promise<void>
  query(sql: string, values?: unknown, options?: unknown): Promise<unknown>
  stream(sql: string, values?: unknown): unknown
  state(): 'ACQUIRED' | 'DESTROYED' | 'IDLE' | 'PENDING_DESTROY' | 'PENDING_RELEASE'
  on(event: string, listener: () => void): unknown
  removeListener(event: string, listener: () => void): unknown
}

/** The result of `pool.state()`. */
export interface SlonikPoolState {
  readonly acquiredConnections: number
  readonly idleConnections: number
  readonly pendingConnections: number
  readonly pendingReleaseConnections: number
  readonly waitingClients: number
}

export interface SlonikConfiguration {
  interceptors: readonly object[]
  readonly maxPoolSize?: number
  readonly minPoolSize?: number
  /** Their names before major 48. */
  readonly maximumPoolSize?: number
  readonly minimumPoolSize?: number
  readonly poolName?: string
}

export interface SlonikDriver {
  createClient(): Promise<SlonikConnection>
}

/** Makes the driver of a pool: `createPgDriverFactory()` of `@slonik/pg-driver`. */
export type SlonikDriverFactory = (options: never) => Promise<object>
