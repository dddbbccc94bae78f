import knexModule from 'knex'
import { Model, type Transaction, type TransactionOrKnex } from 'objection'
import type { LibrarySetUp, LibraryTransaction } from '../../../../contracts/library.ts'
import { longMillis } from '../../../../contracts/set-ups/around.ts'
import { versionOf } from '../../../../contracts/set-ups/version.ts'

export const objection: LibrarySetUp = {
  name: 'Objection',
  version: versionOf('objection', import.meta.url),
  exceptions: [
    { fact: 'held session', reason: 'It takes a session for a transaction or a statement alone.' },
    { fact: 'streams', reason: 'It has no streams.' },
  ],
  open(db, { max, acquireMillis = longMillis }) {
    const knex = knexModule({
      client: 'pg',
      connection: { ...db.config },
      pool: { min: 0, max },
      acquireConnectionTimeout: acquireMillis,
      log: { warn() {}, error() {}, deprecate() {}, debug() {} },
    })
    class Note extends Model {
      static override readonly tableName = 'notes'
    }
    Note.knex(knex as never)
    const run = async (sql: string, on: TransactionOrKnex) => await on.raw(sql)
    const wrap = (trx: Transaction): LibraryTransaction => ({
      run: (sql) => run(sql, trx),
      commit: () => trx.commit() as unknown as Promise<unknown>,
      rollback: () => trx.rollback() as unknown as Promise<unknown>,
      savepoint: (work) => Note.transaction(trx, (nested) => work(wrap(nested))),
    })
    return {
      host: Note.knex() as never,
      begin: async () => wrap(await Note.startTransaction()),
      run: (sql) => run(sql, Note.knex()),
      transaction: (work) => Note.transaction((trx) => work(wrap(trx))),
      async restart() {
        await knex.destroy()
        knex.initialize()
      },
      close: () => knex.destroy(),
    }
  },
}
