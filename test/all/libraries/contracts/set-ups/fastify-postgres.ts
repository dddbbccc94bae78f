import plugin from '@fastify/postgres'
import { fastify } from 'fastify'
import type { LibrarySetUp } from '../../../../contracts/library.ts'
import { endsWithWork, longMillis } from '../../../../contracts/set-ups/around.ts'
import { poolLibrary } from '../../../../contracts/set-ups/pool-library.ts'
import { versionOf } from '../../../../contracts/set-ups/version.ts'

export const fastifyPostgres: LibrarySetUp = {
  name: '@fastify/postgres',
  version: versionOf('@fastify/postgres', import.meta.url),
  exceptions: [{ fact: 'restart', reason: 'An application that was closed stays so: watch the new one.' }],
  async open(db, { max, acquireMillis = longMillis }) {
    const app = fastify()
    await app.register(plugin, { ...db.config, max, connectionTimeoutMillis: acquireMillis })
    app.pg.pool.on('error', () => {})
    return {
      ...poolLibrary(app.pg),
      host: app.pg,
      transaction: (work) => app.pg.transact((client) => work(endsWithWork((sql) => client.query(sql)))),
      close: () => app.close(),
    }
  },
}
