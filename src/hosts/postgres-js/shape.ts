type AnyFunction = (...args: never[]) => unknown

/** The `sql` function of postgres.js. */
export interface PostgresJsLike {
  begin: AnyFunction
  reserve: AnyFunction
  unsafe: AnyFunction
  end: AnyFunction
  readonly options: object
}

/** The `sql` that `sql.begin` passes to its callback and `sql.reserve` returns. */
export interface PostgresJsSqlLike {
  unsafe: AnyFunction
}

const methods = ['begin', 'reserve', 'unsafe', 'end', 'listen']

export function isPostgresJs(value: unknown): value is PostgresJsLike {
  return (
    typeof value === 'function' &&
    methods.every((name) => typeof Reflect.get(value, name) === 'function') &&
    typeof Reflect.get(value, 'options') === 'object'
  )
}

/** An `sql` of one transaction, or of one reserved connection. */
export function isSqlOfOne(value: unknown): value is PostgresJsSqlLike {
  return typeof value === 'function' && typeof Reflect.get(value, 'unsafe') === 'function'
}
