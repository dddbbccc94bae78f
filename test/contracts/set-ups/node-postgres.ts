import pg from 'pg'
import type { TestDatabase } from '../../support/database.ts'
import type { LibrarySetUp } from '../library.ts'
import { longMillis } from './around.ts'
import { poolLibrary } from './pool-library.ts'
import { versionOf } from './version.ts'

export function poolOf(
  db: TestDatabase,
  max: number,
  acquireMillis: number = longMillis,
  Pool: typeof pg.Pool = pg.Pool,
): pg.Pool {
  const pool = new Pool({ ...db.config, max, connectionTimeoutMillis: acquireMillis })
  pool.on('error', () => {})
  return pool
}

export const nodePostgres: LibrarySetUp = {
  name: 'node-postgres',
  version: versionOf('pg', import.meta.url),
  exceptions: [{ fact: 'restart', reason: 'A `pg.Pool` that has ended stays so: watch the new one.' }],
  open(db, { max, acquireMillis }) {
    const pool = poolOf(db, max, acquireMillis)
    return { host: pool, ...poolLibrary(pool), close: () => pool.end() }
  },
}
