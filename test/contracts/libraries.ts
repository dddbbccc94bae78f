import { sql } from 'drizzle-orm'
import { drizzle as drizzleOf } from 'drizzle-orm/node-postgres'
import knexModule from 'knex'
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import pgPromise from 'pg-promise'
import type { TestDatabase } from '../support/database.ts'
import type { LibrarySetUp, LibraryTransaction } from './library.ts'

export const longMillis = 60_000

function ofClient(client: pg.PoolClient): LibraryTransaction {
  const end = async (sql: string) => {
    try {
      await client.query(sql)
    } finally {
      client.release()
    }
  }
  return {
    run: (sql) => client.query(sql),
    commit: () => end('COMMIT'),
    rollback: () => end('ROLLBACK'),
  }
}

const nodePostgres: LibrarySetUp = {
  name: 'pg',
  open(db, { max, acquireMillis = longMillis }) {
    const pool = new pg.Pool({ ...db.config, max, connectionTimeoutMillis: acquireMillis })
    pool.on('error', () => {})
    const begin = async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      return ofClient(client)
    }
    return {
      host: pool,
      begin,
      run: (sql) => pool.query(sql),
      async transaction(work) {
        const transaction = await begin()
        try {
          const result = await work(transaction)
          await transaction.commit()
          return result
        } catch (error) {
          await transaction.rollback()
          throw error
        }
      },
      close: () => pool.end(),
    }
  },
}

const knex: LibrarySetUp = {
  name: 'Knex',
  open(db, { max, acquireMillis = longMillis }) {
    const instance = knexModule({
      client: 'pg',
      connection: { ...db.config },
      pool: { min: 0, max },
      acquireConnectionTimeout: acquireMillis,
      log: { warn() {}, error() {}, deprecate() {}, debug() {} },
    })
    const wrap = (trx: knexModule.Knex.Transaction): LibraryTransaction => ({
      run: (sql) => trx.raw(sql),
      commit: () => trx.commit(),
      rollback: () => trx.rollback(),
    })
    return {
      host: instance,
      begin: async () => wrap(await instance.transaction()),
      run: (sql) => instance.raw(sql),
      transaction: (work) => instance.transaction((trx) => work(wrap(trx))),
      close: () => instance.destroy(),
    }
  },
}

/** A transaction that its caller ends, of a library that knows only one around a piece of work. */
async function openAround(
  around: (work: (transaction: { run(sql: string): Promise<unknown> }) => Promise<void>) => Promise<unknown>,
): Promise<LibraryTransaction> {
  const rolledBack = new Error('rolled back by the test')
  let end = (_how: 'commit' | 'rollback') => {}
  const ended = new Promise<'commit' | 'rollback'>((resolve) => {
    end = resolve
  })
  let over: Promise<unknown> = Promise.resolve()
  const inside = await new Promise<{ run(sql: string): Promise<unknown> }>((resolve, reject) => {
    over = around(async (transaction) => {
      resolve(transaction)
      if ((await ended) === 'rollback') throw rolledBack
    })
    over.catch(reject)
  })
  const settle = async (how: 'commit' | 'rollback') => {
    end(how)
    await over.catch((error: unknown) => {
      if (error !== rolledBack) throw error
    })
  }
  return {
    run: (text) => inside.run(text),
    commit: () => settle('commit'),
    rollback: () => settle('rollback'),
  }
}

export const unended = async (): Promise<never> => {
  throw new Error('ends with the work')
}

function poolOf(db: TestDatabase, max: number, acquireMillis: number): pg.Pool {
  const pool = new pg.Pool({ ...db.config, max, connectionTimeoutMillis: acquireMillis })
  pool.on('error', () => {})
  return pool
}

const drizzle: LibrarySetUp = {
  name: 'Drizzle',
  open(db, { max, acquireMillis = longMillis }) {
    const pool = poolOf(db, max, acquireMillis)
    const database = drizzleOf({ client: pool })
    const around = <Result>(work: (inside: { run(text: string): Promise<unknown> }) => Promise<Result>) =>
      database.transaction((tx) => work({ run: (text) => tx.execute(sql.raw(text)) }))
    return {
      host: database,
      begin: () => openAround(around),
      run: (text) => database.execute(sql.raw(text)),
      transaction: (work) => around((inside) => work({ ...inside, commit: unended, rollback: unended })),
      close: () => pool.end(),
    }
  },
}

const kysely: LibrarySetUp = {
  name: 'Kysely',
  open(db, { max, acquireMillis = longMillis }) {
    const pool = poolOf(db, max, acquireMillis)
    const database = new Kysely<object>({ dialect: new PostgresDialect({ pool }) })
    const around = <Result>(work: (inside: { run(text: string): Promise<unknown> }) => Promise<Result>) =>
      database
        .transaction()
        .execute((tx) => work({ run: (text) => tx.executeQuery(CompiledQuery.raw(text)) }))
    return {
      host: pool,
      begin: () => openAround(around),
      run: (text) => database.executeQuery(CompiledQuery.raw(text)),
      transaction: (work) => around((inside) => work({ ...inside, commit: unended, rollback: unended })),
      close: () => database.destroy(),
    }
  },
}

const promise = pgPromise({ noWarnings: true })

const pgPromiseSetUp: LibrarySetUp = {
  name: 'pg-promise',
  open(db, { max, acquireMillis = longMillis }) {
    const database = promise({ ...db.config, max, connectionTimeoutMillis: acquireMillis })
    const around = <Result>(work: (inside: { run(text: string): Promise<unknown> }) => Promise<Result>) =>
      database.tx((tx) => work({ run: (text) => tx.any(text) }))
    return {
      host: database,
      begin: () => openAround(around),
      run: (text) => database.any(text),
      transaction: (work) => around((inside) => work({ ...inside, commit: unended, rollback: unended })),
      close: () => database.$pool.end(),
    }
  },
}

export const libraries = [nodePostgres, knex, drizzle, kysely, pgPromiseSetUp]
