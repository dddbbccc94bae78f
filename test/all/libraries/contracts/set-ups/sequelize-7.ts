import { Sequelize, type Transaction } from '@sequelize/core'
import { PostgresDialect } from '@sequelize/postgres'
import type { LibrarySetUp, LibraryTransaction } from '../../../../contracts/library.ts'
import { endsWithWork, longMillis } from '../../../../contracts/set-ups/around.ts'
import { versionOf } from '../../../../contracts/set-ups/version.ts'

export const sequelize7: LibrarySetUp = {
  name: 'Sequelize',
  version: versionOf('@sequelize/core', import.meta.url),
  exceptions: [
    { fact: 'streams', reason: 'It has no streams.' },
    { fact: 'restart', reason: 'An instance that is closed stays so: watch the new one.' },
  ],
  open(db, { max, acquireMillis = longMillis }) {
    const instance = new Sequelize({
      dialect: PostgresDialect,
      ...db.config,
      logging: false,
      pool: { max, min: 0, acquire: acquireMillis },
    })
    const wrap = (transaction: Transaction): LibraryTransaction => ({
      ...endsWithWork(
        (sql) => instance.query(sql, { transaction }),
        (work) =>
          instance.transaction({ transaction, nestMode: 'savepoint' as never }, (nested) =>
            work(wrap(nested)),
          ),
      ),
      commit: () => transaction.commit(),
      rollback: () => transaction.rollback(),
    })
    return {
      host: instance,
      begin: async () => wrap(await instance.startUnmanagedTransaction()),
      run: async (sql) => await instance.query(sql),
      transaction: (work) => instance.transaction((transaction) => work(wrap(transaction))),
      async hold() {
        const connection = await instance.pool.acquire({ type: 'write', useMaster: true })
        return () => instance.pool.release(connection)
      },
      close: () => instance.close(),
    }
  },
}
