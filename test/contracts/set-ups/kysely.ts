import type { CompiledQuery, Kysely, PostgresDialect, sql, Transaction } from 'kysely'
import PgCursor from 'pg-cursor'
import type { LibrarySetUp } from '../library.ts'
import { endsWithWork, holdAround, openAround } from './around.ts'
import { poolOf } from './node-postgres.ts'

interface KyselyModule {
  readonly CompiledQuery: typeof CompiledQuery
  readonly Kysely: typeof Kysely
  readonly PostgresDialect: typeof PostgresDialect
  readonly sql: typeof sql
}

export function kyselySetUp(module: KyselyModule, version: string): LibrarySetUp {
  const { CompiledQuery, Kysely, PostgresDialect, sql } = module
  return {
    name: 'Kysely',
    version,
    exceptions: [{ fact: 'restart', reason: 'It has the pool of the application, which does not restart.' }],
    open(db, { max, acquireMillis }) {
      const pool = poolOf(db, max, acquireMillis)
      const database = new Kysely<object>({ dialect: new PostgresDialect({ pool, cursor: PgCursor }) })
      const wrap = (tx: Transaction<object>) =>
        endsWithWork((text) => tx.executeQuery(CompiledQuery.raw(text)))
      return {
        host: pool,
        begin: () => openAround((work) => database.transaction().execute((tx) => work(wrap(tx)))),
        run: (text) => database.executeQuery(CompiledQuery.raw(text)),
        transaction: (work) => database.transaction().execute((tx) => work(wrap(tx))),
        hold: () => holdAround((work) => database.connection().execute(work)),
        async *stream(text) {
          const rows = database.selectFrom(sql`(${sql.raw(text)})`.as('rows'))
          yield* rows.selectAll().stream()
        },
        close: () => database.destroy(),
      }
    },
  }
}
