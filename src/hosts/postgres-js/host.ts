import { Override } from '../../client/override.ts'
import { nameConnections } from '../../client/tag.ts'
import { isThenable } from '../../core/thenable.ts'
import type { PoolCore, PoolHost } from '../pool-host.ts'
import { guardedBegin } from './begin.ts'
import { KnownConnections } from './connections.ts'
import type { DriverSql } from './driver.ts'
import { guardedReserve } from './reserve.ts'
import type { PostgresJsLike } from './shape.ts'

/** The name that postgres.js gives to connections that the application has not named. */
const unnamed = 'postgres.js'

/**
 * The host of postgres.js: transactions of `sql.begin` and connections of `sql.reserve`. Plain queries are not touched,
 * so the number of open connections, and of those busy with plain queries, is unknown.
 */
export function postgresJsHost(given: PostgresJsLike): PoolHost {
  const sql = given as unknown as DriverSql
  let connections: KnownConnections | undefined
  let hasEnded = false
  return {
    pool: sql,
    checked: true,
    takesBackTwice: true,
    stream: undefined,
    setUpByHost: false,
    gauge: () => ({
      total: undefined,
      idle: undefined,
      waiting: connections?.waiting ?? 0,
      max: connections?.max,
    }),
    isFull: () => connections?.isFull === true,
    isIdle: (session) => connections?.isIdle(session) === true,
    clients: () => [],
    isEnded: () => hasEnded,
    checkoutOf: (sql) => connections?.checkoutOf(sql),
    install(core) {
      const known = new KnownConnections(sql, core)
      connections = known
      return [
        { restore: () => known.leave() },
        { restore: nameConnections(sql.options.connection, core.settings.tag, unnamed) },
        new Override(sql, 'begin', (original) => guardedBegin(known, original)),
        new Override(sql, 'reserve', (original) => guardedReserve(known, original)),
        endOf(sql, core, () => {
          hasEnded = true
        }),
      ]
    },
    giveBackOf: (session) => connections?.giveBackOf(session),
    destroy: (session, error) => connections?.destroy(session, error),
  }
}

/** The driver does not show that it has ended, but the promise of its `end` does. */
function endOf(sql: DriverSql, core: PoolCore, ended: () => void): Override {
  return new Override(
    sql,
    'end',
    (original) =>
      function (...args) {
        core.ending()
        const ending: unknown = Reflect.apply(original, this, args)
        // The same promise: the driver gives it to everybody who ends it.
        if (isThenable(ending)) void ending.then(ended, () => {})
        return ending
      },
  )
}
