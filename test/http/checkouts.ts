import type pg from 'pg'
import QueryStream from 'pg-query-stream'
import { hereLine } from '../support/guarded-pool.ts'

/** A client that a handler has checked out. */
export interface Held {
  /** Where, in this file. */
  readonly line: number
  release(): Promise<void>
}

export type Way = (pool: pg.Pool) => Promise<Held>

/** How handlers come by a client. */
export const ways: Readonly<Record<'promise' | 'callback' | 'query stream', Way>> = {
  async promise(pool) {
    const line = hereLine(1)
    const client = await pool.connect()
    await client.query('SELECT 1')
    return { line, release: async () => client.release() }
  },

  callback(pool) {
    return new Promise((resolve, reject) => {
      const line = hereLine(1)
      pool.connect((error, client, done) => {
        if (client === undefined) return reject(error)
        client.query('SELECT 1', (failure: Error | null) => {
          if (failure) return reject(failure)
          resolve({ line, release: async () => done() })
        })
      })
    })
  },

  async 'query stream'(pool) {
    const line = hereLine(1)
    const client = await pool.connect()
    const rows = client.query(new QueryStream('SELECT generate_series(1, 100000)', [], { batchSize: 10 }))
    // What a session that is destroyed does to its stream; nobody here waits for a row.
    rows.on('error', () => {})
    await new Promise((resolve) => rows.once('readable', resolve))
    const release = async () => {
      const closed = new Promise((resolve) => rows.once('close', resolve))
      rows.destroy()
      await closed
      client.release()
    }
    return { line, release }
  },
}

export const checkoutsFile = import.meta.filename
