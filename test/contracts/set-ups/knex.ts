import type { Knex, knex as knexFunction } from 'knex'
import type { Library, LibrarySetUp, LibraryTransaction } from '../library.ts'
import { longMillis } from './around.ts'
import { poolOf } from './node-postgres.ts'

type MakeKnex = typeof knexFunction

const log = { warn() {}, error() {}, deprecate() {}, debug() {} }

/** Knex on the pool that it makes, a tarn pool. */
export function knexSetUp(makeKnex: MakeKnex, version: string): LibrarySetUp {
  return {
    name: 'Knex',
    version,
    open(db, { max, acquireMillis = longMillis }) {
      const knex = makeKnex({
        client: 'pg',
        connection: { ...db.config },
        pool: { min: 0, max },
        acquireConnectionTimeout: acquireMillis,
        log,
      })
      return {
        ...libraryOf(knex),
        host: knex,
        async restart() {
          await knex.destroy()
          knex.initialize()
        },
        close: () => knex.destroy(),
      }
    },
  }
}

/** Knex on a `pg.Pool` of the application. */
export function knexOnPoolSetUp(makeKnex: MakeKnex, version: string): LibrarySetUp {
  return {
    name: 'Knex on a `connectionPool`',
    version,
    exceptions: [
      { fact: 'restart', reason: 'It has the pool of the application, which does not restart.' },
      {
        fact: 'streams',
        reason:
          'Knex releases the client of `stream()` twice, and the pool of node-postgres throws at the second release: uncaught, unguarded as well.',
      },
    ],
    open(db, { max, acquireMillis }) {
      const pool = poolOf(db, max, acquireMillis)
      const knex = makeKnex({ client: 'pg', connectionPool: pool, log } as Knex.Config)
      const { stream: _uncaught, ...library } = libraryOf(knex)
      return { ...library, host: knex, close: () => pool.end() }
    },
  }
}

export function libraryOf(knex: Knex): Omit<Library, 'host' | 'close'> {
  const wrap = (trx: Knex.Transaction): LibraryTransaction => ({
    run: (sql) => trx.raw(sql),
    commit: () => trx.commit(),
    rollback: () => trx.rollback(),
    savepoint: (work) => trx.transaction((nested) => work(wrap(nested))),
  })
  return {
    begin: async () => wrap(await knex.transaction()),
    run: async (sql) => await knex.raw(sql),
    transaction: (work) => knex.transaction((trx) => work(wrap(trx))),
    async hold() {
      const client: unknown = await knex.client.acquireConnection()
      return () => knex.client.releaseConnection(client)
    },
    stream: (sql) => knex.raw(sql).stream(),
  }
}
