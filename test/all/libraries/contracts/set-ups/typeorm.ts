import type { DataSource, QueryRunner } from 'typeorm'
import type { LibrarySetUp, LibraryTransaction } from '../../../../contracts/library.ts'
import { endsWithWork, longMillis } from '../../../../contracts/set-ups/around.ts'

export function typeormSetUp(
  { DataSource: Source }: { DataSource: typeof DataSource },
  version: string,
): LibrarySetUp {
  return {
    name: 'TypeORM',
    version,
    open(db, { max, acquireMillis = longMillis }) {
      const { host, port, user, password, database } = db.config
      const source = new Source({
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
          await runner.startTransaction()
          return ofRunner(runner)
        },
        run: (text) => source.query(text),
        transaction: (work) =>
          source.transaction((manager) =>
            work(
              endsWithWork(
                (text) => manager.query(text),
                (nest) => manager.transaction((nested) => nest({ run: (text) => nested.query(text) })),
              ),
            ),
          ),
        async hold() {
          const runner = source.createQueryRunner()
          await runner.connect()
          return () => runner.release()
        },
        async *stream(text) {
          const runner = source.createQueryRunner()
          try {
            yield* await runner.stream(text)
          } finally {
            await runner.release()
          }
        },
        async restart() {
          await source.destroy()
          await source.initialize()
        },
        close: () => source.destroy(),
      }
    },
  }
}

function ofRunner(runner: QueryRunner): LibraryTransaction {
  const end = async (how: 'commitTransaction' | 'rollbackTransaction') => {
    try {
      await runner[how]()
    } finally {
      await runner.release()
    }
  }
  return {
    ...endsWithWork((text) => runner.query(text)),
    commit: () => end('commitTransaction'),
    rollback: () => end('rollbackTransaction'),
  }
}
