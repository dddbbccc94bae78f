import type { defineConfig, EntitySchema, MikroORM } from '@mikro-orm/postgresql'
import type { Exception, Library, LibrarySetUp, LibraryTransaction } from '../../../../contracts/library.ts'
import { endsWithWork, longMillis } from '../../../../contracts/set-ups/around.ts'

interface MikroOrmModule {
  readonly MikroORM: typeof MikroORM & { initSync?(options: object): MikroORM }
  readonly EntitySchema: typeof EntitySchema
  readonly defineConfig: typeof defineConfig
}

/** It has a `pg.Pool` of its own. */
export function mikroOrm7(module: MikroOrmModule, version: string): LibrarySetUp {
  return mikroOrmSetUp(module, version, {
    exceptions: [],
    pool: (max, acquireMillis) => ({
      pool: { max, min: 0 },
      driverOptions: { connectionTimeoutMillis: acquireMillis },
    }),
  })
}

/** It has a pool of Knex. */
export function mikroOrm6(module: MikroOrmModule, version: string): LibrarySetUp {
  return mikroOrmSetUp(module, version, {
    exceptions: [{ fact: 'streams', reason: 'It has no streams.' }],
    pool: (max, acquireMillis) => ({ pool: { max, min: 0, acquireTimeoutMillis: acquireMillis } }),
  })
}

function mikroOrmSetUp(
  module: MikroOrmModule,
  version: string,
  more: {
    readonly exceptions: readonly Exception[]
    readonly pool: (max: number, acquireMillis: number) => object
  },
): LibrarySetUp {
  return {
    name: 'MikroORM',
    version,
    exceptions: [
      { fact: 'held session', reason: 'It takes a session for a transaction or a statement alone.' },
      ...more.exceptions,
    ],
    open(db, { max, acquireMillis = longMillis }): Library {
      const { host, port, user, password, database } = db.config
      const Note = new module.EntitySchema({
        name: 'Note',
        tableName: 'notes',
        properties: { body: { type: 'text', primary: true } },
      })
      const config = module.defineConfig({
        entities: [Note],
        host,
        port,
        user,
        password,
        dbName: database,
        ...more.pool(max, acquireMillis),
      })
      // Major 7 has the constructor alone.
      const orm = module.MikroORM.initSync?.(config) ?? new module.MikroORM(config)
      const execute = (em: typeof orm.em, sql: string) =>
        em.getConnection().execute(sql, [], 'all', em.getTransactionContext())
      const wrap = (em: typeof orm.em): LibraryTransaction => ({
        ...endsWithWork(
          (sql) => execute(em, sql),
          (work) => em.transactional((nested) => work({ run: (sql) => execute(nested, sql) })),
        ),
        commit: () => em.commit(),
        rollback: () => em.rollback(),
      })
      return {
        host: orm,
        start: () => orm.connect(),
        async begin() {
          const em = orm.em.fork()
          await em.begin()
          return wrap(em)
        },
        run: (sql) => execute(orm.em.fork(), sql),
        transaction: (work) => orm.em.fork().transactional((em) => work(wrap(em))),
        async restart() {
          await orm.close()
          await orm.connect()
        },
        stream: (sql) => orm.em.fork().getConnection().stream(sql),
        close: () => orm.close(true),
      }
    },
  }
}
