import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { OptionError } from '../../src/index.ts'
import {
  type ClientWatch,
  LeakCheckError,
  type PgModuleLike,
  watchClients,
} from '../../src/testing/verify.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()
/** Where a connection stays open. */
const quick = { settleMillis: 20 }
/** Where it closes: `end()` of a pool resolves before its sockets are closed, and a busy machine closes them late. */
const patient = { settleMillis: 20_000 }

function watching(): ClientWatch {
  const watch = watchClients(pg)
  onTestFinished(() => watch.unwatch())
  return watch
}

describe('watchClients', () => {
  it('passes when every client is ended, be it by promise or callback', async () => {
    const clients = watching()
    const one = new pg.Client(db.config)
    await one.connect()
    const other = new pg.Client(db.config)
    await new Promise<void>((resolve, reject) => {
      other.connect((error: unknown) => (error ? reject(error) : resolve()))
    })
    expect(clients.unended()).toHaveLength(2)
    await one.end()
    await new Promise<void>((resolve) => other.end(() => resolve()))
    await clients.verifyEnded(patient)
  })

  it('names where a client was connected that is never ended', async () => {
    const clients = watching()
    const client = new pg.Client(db.config)
    const line = hereLine(1)
    await client.connect()
    const verified = clients.verifyEnded(quick)
    await expect(verified).rejects.toThrow(LeakCheckError)
    await expect(verified).rejects.toThrow(
      new RegExp(
        `^a client, connected at test/testing/unended-clients.test.ts:${line}:\\d+, was never ended`,
      ),
    )
    await client.end()
    await clients.verifyEnded(patient)
  })

  it('waits for a client that is ending, and tells one that does not come to its end', async () => {
    const clients = watching()
    const client = new pg.Client(db.config)
    await client.connect()
    void client.end()
    await clients.verifyEnded(patient)

    // Whoever writes cannot be heard of.
    const stuck = new pg.Client(db.config)
    await stuck.connect()
    const { stream } = (stuck as unknown as { connection: { stream: import('node:net').Socket } }).connection
    stream.write = () => true
    void stuck.end()
    await expect(clients.verifyEnded(quick)).rejects.toThrow(/is still open after client\.end\(\)/)
    stream.destroy()
    await clients.verifyEnded(patient)
  })

  it('forgets clients that could not connect, or that the server has ended', async () => {
    await db.query('SELECT 1')
    const clients = watching()
    await expect(new pg.Client({ ...db.config, port: 9 }).connect()).rejects.toThrow()
    await expect(new pg.Client({ ...db.config, database: 'nowhere' }).connect()).rejects.toThrow()
    const client = new pg.Client(db.config)
    client.on('error', () => {})
    await client.connect()
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await db.terminate(rows[0]?.pid ?? 0)
    await eventually(() => expect(clients.unended()).toEqual([]))
  })

  it('knows the clients of pools as such', async () => {
    const clients = watching()
    const pool = new pg.Pool({ ...db.config, max: 2 })
    const client = await pool.connect()
    await pool.query('SELECT 1')
    client.release()
    expect(clients.unended()).toMatchObject([{ pooled: true }, { pooled: true }])
    await expect(clients.verifyEnded(quick)).rejects.toThrow(/a client of a pool, .*call pool\.end\(\)/)
    await pool.end()
    await clients.verifyEnded(patient)
  })

  it('gives the module back as it was', () => {
    const before = ['connect', 'end'].map((name) =>
      Object.getOwnPropertyDescriptor(pg.Client.prototype, name),
    )
    const watch = watchClients(pg)
    expect(pg.Client.prototype.connect).not.toBe(before[0]?.value)
    watch.unwatch()
    const after = ['connect', 'end'].map((name) => Object.getOwnPropertyDescriptor(pg.Client.prototype, name))
    expect(after).toEqual(before)
  })

  it.each([undefined, {}, { Client: class {} }, { Client: { prototype: null } }])(
    'refuses what is not pg: %o',
    (given) => {
      expect(() => watchClients(given as PgModuleLike)).toThrow(OptionError)
    },
  )
})
