/** A pool of postgres-pool. */
export interface PostgresPool {
  readonly options: { readonly poolSize: number; readonly stream?: unknown }
  /** By the id that each connection has, and each caller that waits; callers get their client by an event of it. */
  readonly connections: string[]
  readonly connectionQueue: string[]
  readonly connectionQueueEventEmitter: {
    emit(event: string, client: unknown): boolean
    listenerCount(event: string): number
  }
  readonly idleConnections: readonly unknown[]
  readonly isEnding: boolean
  _createConnection(id: string): Promise<unknown>
}

const methods = ['connect', 'query', 'end', 'drainIdleConnections', '_createConnection', '_removeConnection']
const lists = ['connections', 'connectionQueue', 'idleConnections']

export function isPostgresPool(value: unknown): value is PostgresPool {
  return (
    typeof value === 'object' &&
    value !== null &&
    methods.every((name) => typeof Reflect.get(value, name) === 'function') &&
    lists.every((name) => Array.isArray(Reflect.get(value, name)))
  )
}
