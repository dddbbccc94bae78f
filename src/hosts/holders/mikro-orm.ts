import { callAfter, Override } from '../../client/override.ts'
import { WatchError } from '../../errors.ts'
import type { Installed, PoolHost, PoolSource } from '../pool-host.ts'
import { type Connection, type Driver, type MikroOrmLike, mikroOrmDriver } from './shape.ts'

type SourceOf = (pool: unknown, part: string | undefined) => PoolSource

/**
 * The pools of a MikroORM instance: that of its connection and those of its replicas. They are created at each connect.
 *
 * @throws WatchError unless the platform is PostgreSQL, and the pool that of MikroORM
 */
export function mikroOrmSource(orm: MikroOrmLike, sourceOf: SourceOf): PoolSource {
  const driver = mikroOrmDriver(orm) as Driver
  const platform = driver.getPlatform().constructor.name
  if (!/postgres/i.test(platform)) {
    throw new WatchError(`watch(orm) expects MikroORM on PostgreSQL, got ${platform}`)
  }
  const replicas = driver.replicas ?? []
  for (const connection of [driver.connection, ...replicas]) refuseOwnDialect(connection)
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

/** With a dialect of the application's, MikroORM does not know the pool. */
function refuseOwnDialect({ options, config, createKyselyDialect }: Connection): void {
  if (createKyselyDialect === undefined) return
  const given = options?.driverOptions ?? config?.get('driverOptions')
  if (typeof given !== 'object' || given === null) return
  if ('createDriver' in given || 'getExecutor' in given) {
    throw new WatchError(
      'watch(orm) found driverOptions with a dialect or Kysely instance of the application: watch the pool behind it',
    )
  }
}
