import { Sequelize, type Transaction } from 'sequelize'
import { DataSource } from 'typeorm'
import { longMillis, unended } from '../../../contracts/libraries.ts'
import type { LibrarySetUp, LibraryTransaction } from '../../../contracts/library.ts'

const sequelize: LibrarySetUp = {
  name: 'Sequelize',
  open(db, { max, acquireMillis = longMillis }) {
    const { host, port, user, password, database } = db.config
    const instance = new Sequelize(database, user, password, {
      host,
      port,
      dialect: 'postgres',
      logging: false,
      pool: { max, min: 0, acquire: acquireMillis },
    })
    const wrap = (transaction: Transaction): LibraryTransaction => ({
      run: (sql) => instance.query(sql, { transaction }),
      commit: () => transaction.commit(),
      rollback: () => transaction.rollback(),
    })
    return {
      host: instance,
      begin: async () => wrap(await instance.transaction()),
      run: (sql) => instance.query(sql),
      transaction: (work) => instance.transaction((transaction) => work(wrap(transaction))),
      close: () => instance.close(),
    }
  },
}

const typeorm: LibrarySetUp = {
  name: 'TypeORM',
  open(db, { max, acquireMillis = longMillis }) {
    const { host, port, user, password, database } = db.config
    const source = new DataSource({
      type: 'postgres',
      host,
      port,
      username: user,
      password,
      database,
      poolSize: max,
      extra: { connectionTimeoutMillis: acquireMillis },
      poolErrorHandler: () => {},
    })
    return {
      host: source,
      start: () => source.initialize(),
      async begin() {
        const runner = source.createQueryRunner()
        await runner.connect()
        await runner.startTransaction()
        const end = async (how: 'commitTransaction' | 'rollbackTransaction') => {
          try {
            await runner[how]()
          } finally {
            await runner.release()
          }
        }
        return {
          run: (text) => runner.query(text),
          commit: () => end('commitTransaction'),
          rollback: () => end('rollbackTransaction'),
        }
      },
      run: (text) => source.query(text),
      transaction: (work) =>
        source.transaction((manager) =>
          work({ run: (text) => manager.query(text), commit: unended, rollback: unended }),
        ),
      close: () => source.destroy(),
    }
  },
}

export const libraries = [sequelize, typeorm]
