type AnyFunction = (...args: never[]) => unknown

/** A Sequelize instance, of major 6 or 7. */
export type SequelizeLike =
  | { readonly connectionManager: object; getDialect(): string }
  | { readonly dialect: object; readonly pool: object }

/** The pool of an instance without replication, or those of one with it. */
export type Pools = SequelizePoolLike | Replication

export interface Replication {
  readonly read?: unknown
  readonly write?: unknown
}

export function isSequelize(value: unknown): value is SequelizeLike {
  return dialectOf(value) !== undefined && poolsOf(value as SequelizeLike) !== undefined
}

export function dialectOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  const { getDialect, dialect } = value as { getDialect?: unknown; dialect?: { readonly name?: unknown } }
  // Major 7 warns when `getDialect` is called.
  return dialect?.name ?? (typeof getDialect === 'function' ? getDialect.call(value) : undefined)
}

/** Major 6 has the pools in its connection manager, major 7 in the instance. */
export function poolsOf(sequelize: SequelizeLike): Pools | undefined {
  const { pool } = sequelize as { readonly pool?: Pools }
  if (pool !== undefined) return pool
  // Major 7 throws when this property is read.
  return (sequelize as { readonly connectionManager?: { readonly pool?: Pools } }).connectionManager?.pool
}

/** A pool of sequelize-pool, which Sequelize 6 and 7 use. */
export interface SequelizePoolLike {
  acquire: AnyFunction
  release: AnyFunction
  destroy: AnyFunction
  drain: AnyFunction
  readonly size: number
  readonly available: number
  readonly using: number
  readonly waiting: number
  readonly maxSize: number
  readonly minSize: number
}

const methods = ['acquire', 'release', 'destroy', 'drain']

export function isSequelizePool(value: unknown): value is SequelizePoolLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    methods.every((name) => typeof Reflect.get(value, name) === 'function') &&
    typeof Reflect.get(value, 'using') === 'number' &&
    typeof Reflect.get(value, 'maxSize') === 'number'
  )
}
