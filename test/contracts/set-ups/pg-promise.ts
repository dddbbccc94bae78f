import type pgPromise from 'pg-promise'
import QueryStream from 'pg-query-stream'
import { deferred } from '../deferred.ts'
import type { LibrarySetUp, LibraryTransaction } from '../library.ts'
import { endsWithWork, longMillis, openAround } from './around.ts'

export function pgPromiseSetUp(makePgPromise: typeof pgPromise, version: string): LibrarySetUp {
  const promise = makePgPromise({ noWarnings: true })
  return {
    name: 'pg-promise',
    version,
    exceptions: [{ fact: 'restart', reason: 'A database whose pool has ended stays so: watch the new one.' }],
    open(db, { max, acquireMillis = longMillis }) {
      const database = promise({ ...db.config, max, connectionTimeoutMillis: acquireMillis })
      const wrap = (tx: pgPromise.ITask<object>): LibraryTransaction =>
        endsWithWork(
          (text) => tx.any(text),
          (work) => tx.tx((nested) => work(wrap(nested))),
        )
      return {
        host: database,
        begin: () => openAround((work) => database.tx((tx) => work(wrap(tx)))),
        run: (text) => database.any(text),
        transaction: (work) => database.tx((tx) => work(wrap(tx))),
        async hold() {
          const held = await database.connect()
          return () => held.done()
        },
        async *stream(text) {
          const query = new QueryStream(text)
          const started = deferred<AsyncIterable<unknown>>()
          const over = database.stream(query, (stream) => started.resolve(stream as QueryStream))
          over.catch(started.reject)
          yield* await started.promise
          await over
        },
        close: () => database.$pool.end(),
      }
    },
  }
}
