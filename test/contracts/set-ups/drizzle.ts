import type { sql as sqlTag } from 'drizzle-orm'
import type { drizzle } from 'drizzle-orm/node-postgres'
import type pg from 'pg'
import type { LibrarySetUp, LibraryTransaction } from '../library.ts'
import { endsWithWork, openAround } from './around.ts'
import { poolOf } from './node-postgres.ts'

interface DrizzleModules {
  readonly drizzle: typeof drizzle
  readonly sql: typeof sqlTag
}

/** Before 0.45, it knows a pool by its class: that of the `pg` beside it. */
export function drizzleSetUp(
  { drizzle, sql }: DrizzleModules,
  version: string,
  Pool?: typeof pg.Pool,
): LibrarySetUp {
  return {
    name: 'Drizzle',
    version,
    exceptions: [
      { fact: 'held session', reason: 'It takes a session for a transaction alone.' },
      { fact: 'streams', reason: 'It has no streams on node-postgres.' },
      { fact: 'restart', reason: 'It has the pool of the application, which does not restart.' },
    ],
    open(db, { max, acquireMillis }) {
      const pool = poolOf(db, max, acquireMillis, Pool)
      const database = drizzle({ client: pool })
      type Transaction = Parameters<Parameters<typeof database.transaction>[0]>[0]
      const wrap = (tx: Transaction): LibraryTransaction =>
        endsWithWork(
          (text) => tx.execute(sql.raw(text)),
          (work) => tx.transaction((nested) => work(wrap(nested))),
        )
      return {
        host: database,
        begin: () => openAround((work) => database.transaction((tx) => work(wrap(tx)))),
        run: (text) => database.execute(sql.raw(text)),
        transaction: (work) => database.transaction((tx) => work(wrap(tx))),
        close: () => pool.end(),
      }
    },
  }
}
