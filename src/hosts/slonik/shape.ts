import type { SlonikConfiguration, SlonikConnection, SlonikPoolLike } from './types.ts'

export function isSlonikPool(value: unknown): value is SlonikPoolLike {
  if (typeof value !== 'object' || value === null || !('configuration' in value)) return false
  const { configuration } = value
  return (
    typeof configuration === 'object' &&
    configuration !== null &&
    Array.isArray(Reflect.get(configuration, 'interceptors')) &&
    hasMethods(value, ['any', 'connect', 'transaction', 'state', 'end'])
  )
}

/** Slonik's copy of the driver's connection, behind the connection that its user gets. */
export function connectionBehind(given: unknown): SlonikConnection | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  const connection: unknown = Reflect.get(given, 'connection')
  if (typeof connection !== 'object' || connection === null) return undefined
  return hasMethods(connection, ['query', 'stream', 'release', 'destroy', 'state', 'on'])
    ? (connection as SlonikConnection)
    : undefined
}

export function sizesOf(configuration: SlonikConfiguration): {
  readonly max: number | undefined
  readonly min: number | undefined
} {
  const { maxPoolSize, maximumPoolSize, minPoolSize, minimumPoolSize } = configuration
  return { max: maxPoolSize ?? maximumPoolSize, min: minPoolSize ?? minimumPoolSize }
}

function hasMethods(value: object, names: readonly string[]): boolean {
  return names.every((name) => typeof Reflect.get(value, name) === 'function')
}
