import { callAfter } from '../../client/override.ts'
import { WatchError } from '../../errors.ts'
import type { PoolSource } from '../pool-host.ts'
import type { PgBossLike } from './shape.ts'

/** The result of `getDb`, unless the application has replaced it. */
interface PgBossDatabase {
  readonly _pgbdb?: unknown
  readonly opened?: unknown
  readonly pool?: unknown
}

/**
 * The pool that pg-boss creates at each start.
 *
 * @param poolOf makes the source of that pool
 */
export function pgBossSource(boss: PgBossLike, poolOf: (pool: unknown) => PoolSource): PoolSource {
  const database: PgBossDatabase = boss.getDb()
  if (database._pgbdb !== true) {
    throw new WatchError(
      'watch(boss) expects pg-boss with its own pool, got one with the option db: watch the pool behind that',
    )
  }
  return {
    hosts: () => (database.opened === true ? poolOf(database.pool).hosts() : []),
    install: (renewed) => [callAfter(database, 'open', renewed)],
  }
}
