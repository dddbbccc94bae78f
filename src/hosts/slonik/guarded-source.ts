import type { PoolSource } from '../pool-host.ts'

/**
 * The same symbol in every copy of the package: a lifeguard of one can watch the pools of `lifeguardSlonik` of another.
 */
export const sourceKey = Symbol.for('pg-lifeguard.pool-source')

/** The pools behind the object that `lifeguardSlonik` watches. */
export function guardedSource(given: unknown): PoolSource | undefined {
  return given instanceof Object ? (Reflect.get(given, sourceKey) as PoolSource | undefined) : undefined
}

/** The object that `lifeguardSlonik` watches for a Slonik pool; undefined for a pool that was created without it. */
export function slonikGuardOf(pool: unknown): object | undefined {
  const configuration: unknown = pool instanceof Object ? Reflect.get(pool, 'configuration') : undefined
  const factory: unknown =
    configuration instanceof Object ? Reflect.get(configuration, 'driverFactory') : undefined
  return factory instanceof Object ? (Reflect.get(factory, sourceKey) as object | undefined) : undefined
}
