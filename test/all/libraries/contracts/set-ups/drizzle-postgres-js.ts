import type postgres from 'postgres'
import type { LibrarySetUp, LibraryTransaction } from '../../../../contracts/library.ts'
import { endsWithWork, openAround } from '../../../../contracts/set-ups/around.ts'
import { driverRollsBack, impatiently, noTimeout, sqlOf, unseenStatement } from './postgres-js.ts'

interface Transaction {
  /** Of either version's own type of a query. */
  execute(query: never): PromiseLike<unknown>
  transaction<Result>(work: (nested: Transaction) => Promise<Result>): Promise<Result>
}

interface DrizzleModules {
  /** Of `drizzle-orm/postgres-js`. */
  drizzle(client: postgres.Sql): Transaction & { readonly $client: postgres.Sql }
  readonly sql: { raw(text: string): unknown }
}

export function drizzlePostgresJsSetUp({ drizzle, sql }: DrizzleModules, version: string): LibrarySetUp {
  return {
    name: 'Drizzle on postgres.js',
    version,
    exceptions: [
      ...driverRollsBack,
      unseenStatement,
      noTimeout,
      { fact: 'held session', reason: 'It takes a session for a transaction alone.' },
      { fact: 'streams', reason: 'It has no streams on postgres.js.' },
      { fact: 'restart', reason: 'It has the `sql` of the application, which does not restart.' },
    ],
    open(db, { max, acquireMillis }) {
      const client = sqlOf(db, max)
      const database = drizzle(client)
      const wrap = (tx: Transaction): LibraryTransaction =>
        endsWithWork(
          async (text) => tx.execute(sql.raw(text) as never),
          (work) => tx.transaction((nested) => work(wrap(nested))),
        )
      const begin = () => openAround((work) => database.transaction((tx) => work(wrap(tx))))
      return {
        host: database,
        begin: () => impatiently(begin(), acquireMillis),
        run: async (text) => database.execute(sql.raw(text) as never),
        transaction: (work) => database.transaction((tx) => work(wrap(tx))),
        close: () => client.end({ timeout: 1 }),
      }
    },
  }
}
