import { createPgDriverFactory } from '@slonik/pg-driver'
import { type ClientConfigurationInput, createPool, type DatabaseTransactionConnection, sql } from 'slonik'
import { lifeguardSlonik } from '../../../../../src/hosts/slonik/lifeguard-slonik.ts'
import { deferred } from '../../../../contracts/deferred.ts'
import type {
  Exception,
  Library,
  LibrarySetUp,
  LibraryTransaction,
  OpenOptions,
} from '../../../../contracts/library.ts'
import { endsWithWork, holdAround, openAround } from '../../../../contracts/set-ups/around.ts'
import { versionOf } from '../../../../contracts/set-ups/version.ts'

const queue: readonly Exception[] = [
  { fact: 'deadlock', reason: 'No caller can be taken out of its queue: the deadlock is reported.' },
  { fact: 'exhaustion', reason: 'Its queue has no time-out.' },
]

/** With all that there is: the clients of its driver are known. */
export const guardedSlonik: LibrarySetUp = {
  name: 'Slonik by lifeguardSlonik',
  version: versionOf('slonik', import.meta.url),
  exceptions: queue,
  open: (db, { lifeguard, ...options }) =>
    open(
      db.url,
      options,
      lifeguardSlonik(lifeguard, { driverFactory: createPgDriverFactory(), name: 'main' }),
    ),
}

const unknown = 'The state of its transactions is not known: use lifeguardSlonik.'
const reports = 'Every finding is only reported: use lifeguardSlonik.'

/** A pool that was made without the guard. */
export const observedSlonik: LibrarySetUp = {
  name: 'Slonik by watch(pool)',
  version: guardedSlonik.version,
  exceptions: [
    ...queue,
    { fact: 'dirty release', reason: unknown },
    { fact: 'swallowed error', reason: unknown },
    { fact: 'leaked transaction', reason: reports },
    { fact: 'full pool', reason: reports },
    { fact: 'forced rollback', reason: reports },
    { fact: 'destroy', reason: reports },
    { fact: 'restart', reason: 'A pool that has ended stays so: watch the new one.' },
  ],
  open: (db, options) => open(db.url, options, {}),
}

const token = (text: string) =>
  sql.unsafe(Object.freeze(Object.assign([text], { raw: Object.freeze([text]) })))

async function open(
  url: string,
  { max, acquireMillis }: Omit<OpenOptions, 'lifeguard'>,
  guard: ClientConfigurationInput,
): Promise<Library> {
  if (acquireMillis !== undefined) throw new Error('its queue has no time-out')
  const make = () => createPool(url, { ...guard, maxPoolSize: max })
  let pool = await make()
  const wrap = (transaction: DatabaseTransactionConnection): LibraryTransaction =>
    endsWithWork(
      (text) => transaction.any(token(text)),
      (work) => transaction.transaction((nested) => work(wrap(nested))),
    )
  return {
    host: pool,
    begin: () => openAround((work) => pool.transaction((transaction) => work(wrap(transaction)))),
    run: (text) => pool.any(token(text)),
    transaction: (work) => pool.transaction((transaction) => work(wrap(transaction))),
    hold: () => holdAround((work) => pool.connect(() => work())),
    async *stream(text) {
      const started = deferred<AsyncIterable<unknown>>()
      const over = pool.stream(token(text), (stream) => started.resolve(stream))
      over.catch(started.reject)
      yield* await started.promise
      await over
    },
    async restart() {
      await pool.end()
      pool = await make()
    },
    close: () => pool.end(),
  }
}
