import pg from 'pg'
import QueryStream from 'pg-query-stream'
import type { TestDatabase } from '../../support/database.ts'
import type { LibrarySetUp, LibraryTransaction } from '../library.ts'
import { endsWithWork, longMillis } from './around.ts'
import { versionOf } from './version.ts'

export function poolOf(
  db: TestDatabase,
  max: number,
  acquireMillis: number = longMillis,
  Pool: typeof pg.Pool = pg.Pool,
): pg.Pool {
  const pool = new Pool({ ...db.config, max, connectionTimeoutMillis: acquireMillis })
  pool.on('error', () => {})
  return pool
}

export const nodePostgres: LibrarySetUp = {
  name: 'node-postgres',
  version: versionOf('pg', import.meta.url),
  exceptions: [{ fact: 'restart', reason: 'A `pg.Pool` that has ended stays so: watch the new one.' }],
  open(db, { max, acquireMillis }) {
    const pool = poolOf(db, max, acquireMillis)
    return {
      host: pool,
      async begin() {
        const client = await pool.connect()
        await client.query('BEGIN')
        return ofClient(client)
      },
      run: (sql) => pool.query(sql),
      async transaction(work) {
        const client = await pool.connect()
        try {
          await client.query('BEGIN')
          const result = await work(endsWithWork((sql) => client.query(sql)))
          await client.query('COMMIT')
          return result
        } catch (error) {
          await client.query('ROLLBACK').catch(() => {})
          throw error
        } finally {
          client.release()
        }
      },
      async hold() {
        const client = await pool.connect()
        return () => client.release()
      },
      async *stream(sql) {
        const client = await pool.connect()
        try {
          yield* client.query(new QueryStream(sql))
        } finally {
          client.release()
        }
      },
      close: () => pool.end(),
    }
  },
}

function ofClient(client: pg.PoolClient): LibraryTransaction {
  const end = async (sql: string) => {
    try {
      await client.query(sql)
    } finally {
      client.release()
    }
  }
  return {
    ...endsWithWork((sql) => client.query(sql)),
    commit: () => end('COMMIT'),
    rollback: () => end('ROLLBACK'),
  }
}
