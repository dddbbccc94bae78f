import type { PoolSource } from '../pool-host.ts'

/** The same for every copy of the package: what `lifeguardSlonik` of one makes can be watched by a lifeguard of another. */
export const sourceKey = Symbol.for('pg-lifeguard.pool-source')

/** The pools behind what `lifeguardSlonik` has watched. */
export function guardedSource(given: unknown): PoolSource | undefined {
  return given instanceof Object ? (Reflect.get(given, sourceKey) as PoolSource | undefined) : undefined
}

/** What `lifeguardSlonik` has watched for a pool of Slonik's; undefined for one that was made without it. */
export function slonikGuardOf(pool: unknown): object | undefined {
  const configuration: unknown = pool instanceof Object ? Reflect.get(pool, 'configuration') : undefined
  const factory: unknown =
    configuration instanceof Object ? Reflect.get(configuration, 'driverFactory') : undefined
  return factory instanceof Object ? (Reflect.get(factory, sourceKey) as object | undefined) : undefined
}
