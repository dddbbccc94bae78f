import pg from 'pg'
import pgPromise from 'pg-promise'
import { describe, expect, it } from 'vitest'
import type { LifeguardOptions } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool, socketOf } from '../support/guarded-pool.ts'
import { startProxy } from '../support/tcp-proxy.ts'

const db = useDatabase()

function guarded(options: LifeguardOptions = {}, poolOptions: pg.PoolConfig = {}, pool?: pg.Pool) {
  return guardedPool({ ...db.config, max: 1, ...poolOptions }, options, pool)
}

/** Checks a client out, sends the statements and releases it. */
async function use(pool: pg.Pool, ...statements: string[]): Promise<void> {
  const client = await pool.connect()
  for (const statement of statements) await client.query(statement).catch(() => {})
  client.release()
}

async function pidOf(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return rows[0]?.pid ?? 0
}

describe('a session with something left in it, in enforce,', () => {
  it('keeps the session that it has reset, and resolves', async () => {
    const { pool, cleared } = guarded({ mode: 'enforce' })
    const pid = await pidOf(pool)
    await use(pool, 'SET search_path TO app', 'SELECT pg_advisory_lock(1)', 'SET ROLE pg_monitor')
    expect(await cleared('session-state')).toMatchObject({
      left: ['search_path', 'role', 'an advisory lock'],
      resolution: 'reset before the next owner could use it',
    })
    expect(await pidOf(pool)).toBe(pid)
  })

  it('rolls back first where both are needed', async () => {
    const { pool, kinds, found } = guarded({ mode: 'enforce' })
    await use(pool, 'SET search_path TO app', 'BEGIN', 'SET app.tenant = 1')
    expect(await found('session-state')).toMatchObject({ left: ['search_path'], outcome: 'reset' })
    expect(kinds()).toEqual(['dirty-release', 'session-state'])
  })

  it('closes a session that the application has set up itself, since RESET would undo that, too', async () => {
    const pool = new pg.Pool({ ...db.config, max: 1 })
    pool.on('connect', (client) => void client.query('SET search_path TO app'))
    const { found } = guarded({ mode: 'enforce' }, {}, pool)
    const pid = await pidOf(pool)
    await use(pool, "SET app.tenant = '7'")
    expect(await found('session-state')).toMatchObject({
      left: ['app.tenant'],
      outcome: 'destroyed',
      outcomeDetail: 'not reset: the application sets its sessions up itself',
    })
    expect(await pidOf(pool)).not.toBe(pid)
    expect((await pool.query('SHOW search_path')).rows).toEqual([{ search_path: 'app' }])
  })

  it('closes a session that answers no more, and says what its statements have left', async () => {
    const proxy = await startProxy(db.config.port)
    try {
      const { pool, clock, findings } = guarded({ mode: 'enforce' }, { port: proxy.port })
      const client = await pool.connect()
      await client.query('SET search_path TO app')
      proxy.freeze()
      client.release()
      await eventually(() => {
        clock.advance(500)
        expect(findings).toMatchObject([
          {
            left: ['search_path'],
            outcome: 'destroyed',
            outcomeDetail: 'not reset: no answer within 2 s',
          },
        ])
      })
      expect(pool.totalCount).toBe(0)
      proxy.thaw()
      expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    } finally {
      await proxy.close()
    }
  })

  it('gives the slot back also if the connection is lost while it looks', async () => {
    const { pool } = guarded({ mode: 'enforce' })
    const client = await pool.connect()
    await client.query('SET search_path TO app')
    client.on('error', () => {})
    client.release()
    socketOf(client).destroy()
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  it('destroys where that is the remedy', async () => {
    const { pool, found } = guarded({ mode: 'enforce', remedies: { 'session-state': 'destroy' } })
    const pid = await pidOf(pool)
    await use(pool, 'SET search_path TO app')
    expect(await found('session-state')).toMatchObject({ outcome: 'destroyed' })
    expect(await pidOf(pool)).not.toBe(pid)
  })

  it('reads the answer whatever the application has done to the types', async () => {
    const types = { getTypeParser: () => () => 'nonsense' } as unknown as pg.CustomTypesConfig
    const { pool, found } = guarded({ mode: 'enforce' }, { types })
    await use(pool, 'SET search_path TO app')
    expect(await found('session-state')).toMatchObject({ outcome: 'reset' })
  })

  it('leaves what is to be ignored also where something else is reset', async () => {
    const { pool, found } = guarded({ mode: 'enforce', sessionState: { ignore: ['app.tenant'] } })
    await use(pool, "SET app.tenant = '7'", 'SET search_path TO app')
    expect(await found('session-state')).toMatchObject({ left: ['search_path'], outcome: 'reset' })
    expect((await pool.query('SHOW app.tenant')).rows).toEqual([{ 'app.tenant': '7' }])
  })

  it('keeps a session whose setting goes back to what the database sets', async () => {
    await db.query(`ALTER DATABASE ${db.name} SET app.region = 'eu'`)
    try {
      const { pool, found } = guarded({ mode: 'enforce' })
      await use(pool, "SET app.region = 'us'")
      expect(await found('session-state')).toMatchObject({ left: ['app.region'], outcome: 'reset' })
      expect((await pool.query('SHOW app.region')).rows).toEqual([{ 'app.region': 'eu' }])
    } finally {
      await db.query(`ALTER DATABASE ${db.name} RESET app.region`)
    }
  })

  it('closes what pg-promise has set up with the first owner: it would not do so again', async () => {
    const database = pgPromise({ schema: 'public', noWarnings: true })({ ...db.config, max: 1 })
    const pool = database.$pool as unknown as pg.Pool
    const { findings } = guardedPool({}, { mode: 'enforce' }, pool)
    for (let round = 0; round < 3; round++)
      expect(await database.one('SHOW search_path')).toEqual({ search_path: 'public' })
    await pool.end()
    expect(findings).toHaveLength(3)
    expect(findings[0]).toMatchObject({
      left: ['search_path'],
      outcome: 'destroyed',
      outcomeDetail: 'not reset: the application sets its sessions up itself',
    })
  })

  it('with verify, closes a session to which RESET does not bring back what it was', async () => {
    class Prepared extends pg.Client {
      override connect(...[callback]: unknown[]): never {
        const connected = super.connect().then(() => this.query('SET search_path TO app'))
        const done = callback as (error?: Error) => void
        return connected.then(() => done(), done) as never
      }
    }
    const options: LifeguardOptions = { mode: 'enforce', sessionState: { verify: true } }
    const { pool, found } = guarded(options, { Client: Prepared })
    await use(pool, 'SET search_path TO other')
    expect(await found('session-state')).toMatchObject({
      left: ['search_path'],
      outcome: 'destroyed',
      outcomeDetail: 'not reset: search_path is not what it was',
    })
    expect((await pool.query('SHOW search_path')).rows).toEqual([{ search_path: 'app' }])
  })
})
