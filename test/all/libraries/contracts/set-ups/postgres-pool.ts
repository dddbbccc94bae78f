import { Pool } from 'postgres-pool'
import type { LibrarySetUp } from '../../../../contracts/library.ts'
import { longMillis } from '../../../../contracts/set-ups/around.ts'
import { poolLibrary } from '../../../../contracts/set-ups/pool-library.ts'
import { versionOf } from '../../../../contracts/set-ups/version.ts'

export const postgresPool: LibrarySetUp = {
  name: 'postgres-pool',
  version: versionOf('postgres-pool', import.meta.url),
  exceptions: [{ fact: 'restart', reason: 'A pool that has ended stays so: watch the new one.' }],
  open(db, { max, acquireMillis = longMillis }) {
    const pool = new Pool({
      ...db.config,
      poolSize: max,
      waitForAvailableConnectionTimeoutMillis: acquireMillis,
    })
    pool.on('error', () => {})
    return { ...poolLibrary(pool), host: pool, close: () => pool.end() }
  },
}
