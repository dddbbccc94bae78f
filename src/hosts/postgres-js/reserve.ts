import type { Client, Method } from '../../client/types.ts'
import { deepStack, setStackDepth } from '../../core/origin/origin.ts'
import type { WatchedConnection } from './connection.ts'
import type { KnownConnections } from './connections.ts'
import { ownQuery, type Query, type ReservedSql } from './driver.ts'

/** The guarded `sql.reserve`: a checkout until its `release`. */
export function guardedReserve(connections: KnownConnections, original: Method): Method {
  const { core } = connections
  return function (...args) {
    if (core.unwatched) return Reflect.apply(original, this, args)
    const depth = setStackDepth(deepStack)
    const stack = new Error()
    setStackDepth(depth)
    const served = connections.ask()
    let reserved: Reserved | undefined
    const start = () => {
      connections.reservedLast = undefined
      const reserving = Reflect.apply(original, this, args) as Promise<ReservedSql>
      // The driver reserves an open connection before it returns.
      const known = connections.reservedLast
      return reserving.then(
        (sql) => {
          served()
          reserved = adopt(connections, sql, known)
          return reserved.connection?.session ?? sql
        },
        (error: unknown) => {
          served()
          throw error
        },
      )
    }
    const handed = core.acquire(start, 'connect', stack) as Promise<unknown>
    return handed.then((handle) => {
      if (reserved === undefined) return handle
      own(connections, reserved, handle)
      return reserved.sql
    })
  }
}

interface Reserved {
  readonly sql: ReservedSql
  /** Of its queries. */
  readonly handler: Query['handler']
  /** Undefined if it could not be found. */
  readonly connection: WatchedConnection | undefined
  /** The driver's own release. */
  readonly release: () => unknown
}

/**
 * Finds the reserved connection and its pid. If they are not known, an empty statement shows them, which is sent together
 * with the owner's first one.
 */
function adopt(
  connections: KnownConnections,
  sql: ReservedSql,
  known: WatchedConnection | undefined,
): Reserved {
  let connection = known?.isIdentified === true ? known : undefined
  const probe = ownQuery(sql, '', {
    onexecute: (driver) => {
      connection = connections.take(driver, probe)
      return true
    },
  })
  if (connection === undefined) probe.handler(probe)
  else connections.took(connection)
  const taken = connection as WatchedConnection | undefined
  const own = sql.release
  const release = () => {
    if (taken !== undefined) taken.owner = undefined
    return Reflect.apply(own, sql, [])
  }
  if (taken !== undefined) connections.setGiveBack(taken.session, release)
  return { sql, handler: probe.handler, connection: taken, release }
}

function own(
  connections: KnownConnections,
  { sql, handler, connection, release }: Reserved,
  handle: unknown,
): void {
  const { core } = connections
  if (connection === undefined || handle === connection.session || handle === undefined) return
  const { session } = connection
  const owner = connections.own(connection, 'reserve', handle as Client, sql, handler)
  // The driver would treat a lost connection as open.
  const giveBack = () => (session.gone ? undefined : release())
  sql.release = () => {
    // If it was lost, the checkout has ended already.
    if (owner.lost === undefined) core.release(owner.handle, giveBack)
  }
}
