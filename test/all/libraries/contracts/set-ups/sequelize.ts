import { type Options, Sequelize, type Transaction } from 'sequelize'
import { Sequelize as TypescriptSequelize } from 'sequelize-typescript'
import type { LibrarySetUp, LibraryTransaction } from '../../../../contracts/library.ts'
import { endsWithWork, longMillis } from '../../../../contracts/set-ups/around.ts'
import { versionOf } from '../../../../contracts/set-ups/version.ts'
import type { TestDatabase } from '../../../../support/database.ts'

const version = versionOf('sequelize', import.meta.url)

export const sequelize6: readonly LibrarySetUp[] = [
  setUpOf('Sequelize', version, Sequelize, () => ({})),
  setUpOf('Sequelize with replication', version, Sequelize, ({ host, port, user, password, database }) => {
    const server = { host, port: String(port), username: user, password, database }
    return { replication: { write: server, read: [server] } }
  }),
  setUpOf(
    'sequelize-typescript',
    versionOf('sequelize-typescript', import.meta.url),
    TypescriptSequelize,
    () => ({}),
  ),
]

function setUpOf(
  name: string,
  version: string,
  Class: typeof Sequelize,
  more: (config: TestDatabase['config']) => Options,
): LibrarySetUp {
  return {
    name,
    version,
    exceptions: [
      { fact: 'streams', reason: 'It has no streams.' },
      { fact: 'restart', reason: 'An instance that is closed stays so: watch the new one.' },
    ],
    open(db, { max, acquireMillis = longMillis }) {
      const { host, port, user, password, database } = db.config
      const instance = new Class(database, user, password, {
        host,
        port,
        ...more(db.config),
        dialect: 'postgres',
        logging: false,
        pool: { max, min: 0, acquire: acquireMillis },
      })
      const wrap = (transaction: Transaction): LibraryTransaction => ({
        ...endsWithWork(
          (sql) => instance.query(sql, { transaction }),
          (work) => instance.transaction({ transaction }, (nested) => work(wrap(nested))),
        ),
        commit: () => transaction.commit(),
        rollback: () => transaction.rollback(),
      })
      return {
        host: instance,
        begin: async () => wrap(await instance.transaction()),
        run: async (sql) => await instance.query(sql),
        transaction: (work) => instance.transaction((transaction) => work(wrap(transaction))),
        async hold() {
          const { connectionManager } = instance as unknown as { connectionManager: ConnectionManager }
          const connection = await connectionManager.getConnection({ type: 'write' })
          return () => connectionManager.releaseConnection(connection)
        },
        close: () => instance.close(),
      }
    },
  }
}

/** Public, and not in the types. */
interface ConnectionManager {
  getConnection(options: { type: 'read' | 'write' }): Promise<unknown>
  releaseConnection(connection: unknown): unknown
}
