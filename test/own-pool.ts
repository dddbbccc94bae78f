import pg from 'pg'
import { onTestFinished } from 'vitest'
import type { TestDatabase } from './support/database.ts'

/** A pool of one test. What the test leaves in it is ended, so that a leak fails one test and not all that follow. */
export function ownPool(db: TestDatabase, config: pg.PoolConfig = {}): pg.Pool {
  const application_name = `own pool ${Math.random()}`
  const pool = new pg.Pool({ ...db.config, max: 1, application_name, ...config })
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  onTestFinished(async () => {
    if (pool.idleCount === pool.totalCount) return pool.end()
    void pool.end()
    for (const session of await db.sessions()) {
      if (session.application_name === application_name) await db.terminate(session.pid)
    }
  })
  return pool
}
