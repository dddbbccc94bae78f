import postgres from 'postgres'
import type { Exception, LibrarySetUp, LibraryTransaction } from '../../../../contracts/library.ts'
import { endsWithWork, openAround } from '../../../../contracts/set-ups/around.ts'
import { versionOf } from '../../../../contracts/set-ups/version.ts'
import type { TestDatabase } from '../../../../support/database.ts'

const version = versionOf('postgres', import.meta.url)

export const noTimeout: Exception = {
  fact: 'exhaustion',
  reason: 'The driver has no time-out for a caller that waits: `pool-exhausted` reports the wait.',
}
const noRestart: Exception = {
  fact: 'restart',
  reason: 'An `sql` that has ended stays so: watch the new one.',
}
export const unseenStatement: Exception = {
  fact: 'nested statement',
  reason: 'Plain queries are not seen: the holder is reported when its limit has passed.',
}
/** Of a driver that rolls back by itself. */
export const driverRollsBack: readonly Exception[] = [
  {
    fact: 'dirty release',
    reason:
      '`BEGIN` as a plain query is refused by the driver, or not seen with `max: 1`; `sql.begin` ends what it begins.',
  },
  {
    fact: 'swallowed error',
    reason: '`sql.begin` rejects, although the error was swallowed: nothing is lost in silence.',
  },
]

/** An application that gives up by itself, so that the wait comes to an end. */
export function impatiently<Result>(waiting: Promise<Result>, millis: number | undefined): Promise<Result> {
  if (millis === undefined) return waiting
  const gaveUp = new Promise<never>((_resolve, reject) => {
    setTimeout(() => reject(new Error('the application has given up')), millis).unref()
  })
  return Promise.race([waiting, gaveUp])
}

export function sqlOf(db: TestDatabase, max: number): postgres.Sql {
  const { host, port, user, password, database } = db.config
  return postgres({ host, port, user, password, database, max, onnotice() {} })
}

type Transaction = postgres.TransactionSql

function wrap(tx: Transaction): LibraryTransaction {
  return endsWithWork(
    (text) => tx.unsafe(text),
    (work) => tx.savepoint((nested) => work(wrap(nested))),
  )
}

export const postgresJs: LibrarySetUp = {
  name: 'postgres.js',
  version,
  exceptions: [...driverRollsBack, unseenStatement, noTimeout, noRestart],
  open(db, { max, acquireMillis }) {
    const sql = sqlOf(db, max)
    return {
      host: sql,
      begin: () =>
        impatiently(
          openAround((work) => sql.begin((tx) => work(wrap(tx)))),
          acquireMillis,
        ),
      run: (text) => sql.unsafe(text),
      // The type of the driver unwraps arrays of promises.
      transaction: (work) => sql.begin((tx) => work(wrap(tx))) as ReturnType<typeof work>,
      async hold() {
        const reserved = await sql.reserve()
        return () => reserved.release()
      },
      async *stream(text) {
        for await (const rows of sql.unsafe(text).cursor(10)) yield* rows
      },
      close: () => sql.end({ timeout: 1 }),
    }
  },
}

/** Transactions of the application's own on reserved connections. */
export const postgresJsReserved: LibrarySetUp = {
  name: 'postgres.js, `sql.reserve`',
  version,
  exceptions: [noTimeout, noRestart],
  open(db, { max, acquireMillis }) {
    const sql = sqlOf(db, max)
    const end = async (reserved: postgres.ReservedSql, text: string) => {
      try {
        await reserved.unsafe(text)
      } finally {
        reserved.release()
      }
    }
    return {
      host: sql,
      async begin() {
        const reserved = await impatiently(sql.reserve(), acquireMillis)
        await reserved`BEGIN`
        return {
          ...endsWithWork((text) => reserved.unsafe(text)),
          commit: () => end(reserved, 'COMMIT'),
          rollback: () => end(reserved, 'ROLLBACK'),
        }
      },
      async run(text) {
        const reserved = await sql.reserve()
        await end(reserved, text)
      },
      async transaction(work) {
        const reserved = await sql.reserve()
        try {
          await reserved`BEGIN`
          const result = await work(endsWithWork((text) => reserved.unsafe(text)))
          await reserved`COMMIT`
          return result
        } catch (error) {
          await reserved`ROLLBACK`.catch(() => {})
          throw error
        } finally {
          reserved.release()
        }
      },
      async hold() {
        const reserved = await sql.reserve()
        return () => reserved.release()
      },
      async *stream(text) {
        const reserved = await sql.reserve()
        try {
          for await (const rows of reserved.unsafe(text).cursor(10)) yield* rows
        } finally {
          reserved.release()
        }
      },
      close: () => sql.end({ timeout: 1 }),
    }
  },
}
