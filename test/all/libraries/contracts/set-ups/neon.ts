import { neonConfig, Pool } from '@neondatabase/serverless'
import type { LibrarySetUp } from '../../../../contracts/library.ts'
import { longMillis } from '../../../../contracts/set-ups/around.ts'
import { versionOf } from '../../../../contracts/set-ups/version.ts'
import { startWebSocketProxy } from '../../support/websocket-proxy.ts'
import { poolLibrary } from './pool-library.ts'

export const neon: LibrarySetUp = {
  name: "Neon's serverless driver",
  version: versionOf('@neondatabase/serverless', import.meta.url),
  exceptions: [{ fact: 'restart', reason: 'A pool that has ended stays so: watch the new one.' }],
  async open(db, { max, acquireMillis = longMillis }) {
    const proxy = await startWebSocketProxy()
    neonConfig.wsProxy = proxy.address
    neonConfig.useSecureWebSocket = false
    neonConfig.pipelineConnect = false
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
