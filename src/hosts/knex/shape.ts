type AnyFunction = (...args: never[]) => unknown

/** A Knex instance, or anything that has its `client`: `Model.knex()` of Objection, `em.getKnex()` of MikroORM 6. */
export interface KnexLike {
  readonly client: object
}

export function isKnex(value: unknown): value is KnexLike {
  const client: unknown = typeof value === 'function' ? Reflect.get(value, 'client') : undefined
  return (
    typeof client === 'object' &&
    client !== null &&
    typeof Reflect.get(client, 'acquireConnection') === 'function' &&
    typeof Reflect.get(client, 'transaction') === 'function'
  )
}

/** A pool of tarn, which Knex, Objection and MikroORM 6 use. */
export interface TarnPoolLike {
  acquire: AnyFunction
  release: AnyFunction
  destroy: AnyFunction
  numUsed: AnyFunction
  numFree: AnyFunction
  numPendingAcquires: AnyFunction
}

const methods = ['acquire', 'release', 'destroy', 'numUsed', 'numFree', 'numPendingAcquires']

export function isTarnPool(value: unknown): value is TarnPoolLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    methods.every((name) => typeof Reflect.get(value, name) === 'function') &&
    Array.isArray(Reflect.get(value, 'used'))
  )
}
