import { callAfter, Override } from '../../client/override.ts'
import { WatchError } from '../../errors.ts'
import type { Installed, PoolHost, PoolSource } from '../pool-host.ts'

type AnyFunction = (...args: never[]) => unknown

/** A MikroORM instance of major 6 or 7, its entity manager, or its driver. */
export type MikroOrmLike =
  | { readonly em: { getDriver: AnyFunction } }
  | { getDriver: AnyFunction }
  | { getPlatform: AnyFunction }

/** Major 6 creates a Knex instance per connection, major 7 a `pg.Pool`. */
interface Connection {
  getKnex?(): unknown
  createKnex?(): unknown
  createKyselyDialect?(overrides?: object): unknown
  getNativeClient?(): Promise<unknown>
  readonly connected?: boolean
}

interface Driver {
  readonly connection: Connection
  readonly replicas?: readonly Connection[]
  getPlatform(): object
}

type SourceOf = (pool: unknown, part: string | undefined) => PoolSource

export function isMikroOrm(value: unknown): value is MikroOrmLike {
  return driverOf(value) !== undefined
}

/**
 * The pools of a MikroORM instance: that of its connection and those of its replicas. They are created at each connect.
 *
 * @throws WatchError unless the platform is PostgreSQL
 */
export function mikroOrmSource(orm: MikroOrmLike, sourceOf: SourceOf): PoolSource {
  const driver = driverOf(orm) as Driver
  const platform = driver.getPlatform().constructor.name
  if (!/postgres/i.test(platform)) {
    throw new WatchError(`watch(orm) expects MikroORM on PostgreSQL, got ${platform}`)
  }
  const replicas = driver.replicas ?? []
  const parts = [
    partOf(driver.connection, undefined, sourceOf),
    ...replicas.map((replica, index) => partOf(replica, `read-${index + 1}`, sourceOf)),
  ]
  return {
    hosts: () => parts.flatMap((part) => part.hosts()),
    install: (renewed) => parts.flatMap((part) => part.install(renewed)),
  }
}

interface Part {
  hosts(): readonly PoolHost[]
  install(renewed: () => void): readonly Installed[]
}

function partOf(connection: Connection, part: string | undefined, sourceOf: SourceOf): Part {
  let source: PoolSource | undefined
  let onSource: readonly Installed[] = []
  let renewed: (() => void) | undefined

  const restore = () => {
    for (const installed of onSource) installed.restore()
  }
  const found = (pool: unknown) => {
    source = sourceOf(pool, part)
    if (renewed === undefined) return
    restore()
    onSource = source.install?.(renewed) ?? []
    renewed()
  }
  return {
    hosts: () => source?.hosts() ?? [],
    install(callback) {
      renewed = callback
      return [followConnect(connection, found), { restore }]
    },
  }
}

/** Calls `found` with the present pool of the connection, and with each later one. */
function followConnect(connection: Connection, found: (pool: unknown) => void): Installed {
  if (typeof connection.createKnex === 'function') {
    if (connection.connected) found(connection.getKnex?.())
    return callAfter(connection, 'createKnex', () => found(connection.getKnex?.()))
  }
  // Its pool is private, and only returned as a promise.
  if (connection.connected) void connection.getNativeClient?.().then(found, () => {})
  return new Override(
    connection,
    'createKyselyDialect',
    (original) =>
      function (overrides: unknown, ...rest: unknown[]) {
        const given = (overrides ?? {}) as { onPoolCreated?: (pool: unknown) => unknown }
        const onPoolCreated = (pool: unknown) => {
          found(pool)
          return given.onPoolCreated?.(pool)
        }
        return Reflect.apply(original, this, [{ ...given, onPoolCreated }, ...rest])
      },
  )
}

function driverOf(value: unknown): Driver | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { em, driver, getDriver, getPlatform } = value as Record<string, unknown>
  // An instance has no entity manager until its entities are discovered.
  if (driver !== undefined || em !== undefined) return driverOf(driver ?? em)
  if (typeof getDriver === 'function') return driverOf(Reflect.apply(getDriver, value, []))
  const { connection } = value as Partial<Driver>
  const isDriver = typeof getPlatform === 'function' && typeof connection === 'object'
  return isDriver && isConnection(connection) ? (value as Driver) : undefined
}

function isConnection(connection: Connection | null | undefined): boolean {
  return typeof connection?.createKnex === 'function' || typeof connection?.createKyselyDialect === 'function'
}
