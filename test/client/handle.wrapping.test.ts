import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { type LifeguardOptions, SessionReleasedError } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(options: LifeguardOptions = {}, poolOptions: pg.PoolConfig = {}) {
  return guardedPool({ ...db.config, max: 1, ...poolOptions }, { handles: 'checked', ...options })
}

describe('methods of a handle that somebody wraps', () => {
  it('are his until he puts them back, as the documentation of node-postgres has it', async () => {
    const { pool, findings } = guarded({ mode: 'enforce' })
    const calls: string[] = []
    async function getClient() {
      const client = await pool.connect()
      const { query, release } = client
      client.query = ((...args: unknown[]) => {
        calls.push(String(args[0]))
        return Reflect.apply(query, client, args)
      }) as typeof client.query
      client.release = () => {
        calls.push('release')
        client.query = query
        client.release = release
        return release.apply(client)
      }
      return client
    }
    for (const statement of ['SELECT 1', 'SELECT 2']) {
      const client = await getClient()
      await client.query(statement)
      client.release()
    }
    expect(calls).toEqual(['SELECT 1', 'release', 'SELECT 2', 'release'])
    await pool.query('SELECT 3')
    expect(findings).toEqual([])
  })

  it('do not reach the next owner if they are never put back', async () => {
    const { pool, findings } = guarded({ mode: 'enforce' })
    const client = await pool.connect()
    const { query } = client
    client.query = ((...args: unknown[]) => Reflect.apply(query, client, args)) as typeof client.query
    client.release()
    const next = await pool.connect()
    await next.query('SELECT 1')
    next.release()
    await pool.query('SELECT 1')
    expect(findings).toEqual([])
    await expect(client.query('SELECT 1')).rejects.toThrow(SessionReleasedError)
  })

  it('are gone when they are deleted', async () => {
    const { pool } = guarded()
    const client = await pool.connect()
    const { query } = client
    client.query = (() => Promise.resolve('wrapped')) as unknown as typeof client.query
    expect(await client.query('SELECT 1')).toBe('wrapped')
    Reflect.deleteProperty(client, 'query')
    expect(client.query).toBe(query)
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    client.release()
  })
})

it('a property that is a class stays one', async () => {
  class Tagged extends pg.Client {
    readonly Kind = class {
      static readonly mark = 7
      readonly made = true
    }
  }
  const { pool } = guarded({}, { Client: Tagged })
  const client = (await pool.connect()) as unknown as Tagged & pg.PoolClient
  expect(new client.Kind()).toMatchObject({ made: true })
  expect(client.Kind.mark).toBe(7)
  client.release()
})

describe('a transaction whose work has released the client itself', () => {
  it.each(['observe', 'enforce'] as const)('leaves the next owner alone, in %s', async (mode) => {
    const { pool, lifeguard } = guarded({ mode })
    let next: pg.PoolClient | undefined
    const failing = lifeguard.transaction(pool, async (client) => {
      await client.query('COMMIT')
      client.release()
      next = await pool.connect()
      await next.query('BEGIN')
      void next.query('SELECT pg_sleep(0.2)').then(() => done('answered'), done)
      throw new Error('of the work')
    })
    let done: (outcome: unknown) => void = () => {}
    const outcome = new Promise((resolve) => {
      done = resolve
    })
    await expect(failing).rejects.toThrow('of the work')
    expect(await outcome).toBe('answered')
    expect((await next?.query(`SELECT txid_current_if_assigned(), 1 AS one`))?.rows).toHaveLength(1)
    expect((next as unknown as { getTransactionStatus(): string }).getTransactionStatus()).toBe('T')
    await next?.query('COMMIT')
    next?.release()
  })

  it.each(['observe', 'enforce'] as const)(
    'and so does a session at the end of its block, in %s',
    async (mode) => {
      const { pool, lifeguard } = guarded({ mode })
      const session = await lifeguard.session(pool)
      session.client.release()
      const next = await pool.connect()
      await next.query('BEGIN')
      await session.release()
      expect((next as unknown as { getTransactionStatus(): string }).getTransactionStatus()).toBe('T')
      await next.query('COMMIT')
      next.release()
      expect(pool.idleCount).toBe(1)
    },
  )
})

it('a former owner is blamed for its statement, and the last owner is not', async () => {
  const { pool, findings } = guarded()
  const former = await pool.connect()
  former.release()
  const last = await pool.connect()
  last.release()
  await former.query('SELECT 1')
  expect(findings.map(({ kind, checkout }) => [kind, checkout.id])).toEqual([['use-after-release', 1]])
})
