import { Pool } from '@neondatabase/serverless'
import type { LibrarySetUp } from '../../../../contracts/library.ts'
import { longMillis } from '../../../../contracts/set-ups/around.ts'
import { poolLibrary } from '../../../../contracts/set-ups/pool-library.ts'
import { versionOf } from '../../../../contracts/set-ups/version.ts'
import { startNeonProxy } from '../../support/websocket-proxy.ts'

export const neon: LibrarySetUp = {
  name: "Neon's serverless driver",
  version: versionOf('@neondatabase/serverless', import.meta.url),
  exceptions: [{ fact: 'restart', reason: 'A pool that has ended stays so: watch the new one.' }],
  async open(db, { max, acquireMillis = longMillis }) {
    const proxy = await startNeonProxy()
    const pool = new Pool({ ...db.config, max, connectionTimeoutMillis: acquireMillis })
    pool.on('error', () => {})
    return {
      ...poolLibrary(pool),
      host: pool,
      async close() {
        await pool.end()
        proxy.close()
      },
    }
  },
}
