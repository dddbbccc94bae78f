import QueryStream from 'pg-query-stream'
import type { Library } from '../library.ts'
import { endsWithWork } from './around.ts'

interface Client {
  query(text: string): Promise<unknown>
  query(stream: QueryStream): QueryStream
  release(): unknown
}

/** Anything that hands out clients as a `pg.Pool` does. */
interface ClientPool {
  connect(): Promise<Client>
  query(text: string): Promise<unknown>
}

/** What an application does with such a pool. */
export function poolLibrary(pool: ClientPool): Omit<Library, 'host' | 'close'> {
  return {
    async begin() {
      const client = await pool.connect()
      await client.query('BEGIN')
      const end = async (sql: string) => {
        try {
          await client.query(sql)
        } finally {
          await client.release()
        }
      }
      return {
        ...endsWithWork((sql) => client.query(sql)),
        commit: () => end('COMMIT'),
        rollback: () => end('ROLLBACK'),
      }
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
        await client.release()
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
        await client.release()
      }
    },
  }
}
