import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import { describe, expect, it } from 'vitest'
import { SessionDestroyedError } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

function enforced(poolOptions: pg.PoolConfig = {}, options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 1, ...poolOptions }, { mode: 'enforce', ...options })
}

describe('a client released while a statement runs', () => {
  it('is cancelled on the server, closed, and its slot given to the next owner', async () => {
    const guarded = enforced()
    const client = await guarded.pool.connect()
    const running = client.query('SELECT pg_sleep(30)').catch((error: unknown) => error)
    await eventually(async () => expect(await db.sessions()).toMatchObject([{ state: 'active' }]))
    const next = guarded.pool.connect()
    client.release()
    const owner = await next
    expect(await running).toBeInstanceOf(SessionDestroyedError)
    await owner.query('SELECT 1')
    await eventually(async () => expect(await db.sessions()).toMatchObject([{ state: 'idle' }]))
    owner.release()
    expect(guarded.findings).toMatchObject([{ kind: 'busy-release', outcome: 'destroyed' }])
    expect(guarded.resolved).toMatchObject([{ kind: 'busy-release' }])
    expect(guarded.pool).toMatchObject({ totalCount: 1, idleCount: 1 })
  })

  it('is closed when a cursor was left open', async () => {
    const guarded = enforced()
    const client = await guarded.pool.connect()
    const cursor = client.query(new Cursor('SELECT generate_series(1, 1000)'))
    await cursor.read(2)
    client.release()
    expect(await guarded.found('busy-release')).toMatchObject({ outcome: 'destroyed' })
    await guarded.pool.query('SELECT 1')
    expect(guarded.pool).toMatchObject({ totalCount: 1, idleCount: 1 })
  })

  it('is closed when a COPY was left running', async () => {
    const guarded = enforced()
    const client = await guarded.pool.connect()
    const copy = client.query(copyFrom('COPY items (note) FROM STDIN'))
    copy.on('error', () => {})
    copy.write('unfinished\n')
    client.release()
    expect(await guarded.found('busy-release')).toMatchObject({ outcome: 'destroyed' })
    await guarded.pool.query('SELECT 1')
    expect((await db.query('SELECT * FROM items')).rows).toEqual([])
  })

  it('is left alone when its COPY has come to an end', async () => {
    const guarded = enforced()
    const client = await guarded.pool.connect()
    await pipeline(Readable.from(['one\n', 'two\n']), client.query(copyFrom('COPY items (note) FROM STDIN')))
    client.release()
    expect(guarded.findings).toEqual([])
    expect(guarded.pool.idleCount).toBe(1)
  })
})

describe('a shutdown that a client blocks', () => {
  it('goes through after the grace: the client is destroyed, its late release harmless', async () => {
    const guarded = enforced()
    const client = await guarded.pool.connect()
    await client.query('BEGIN')
    const ended = guarded.pool.end()
    guarded.clock.advance(1_200)
    await ended
    expect(guarded.findings).toMatchObject([{ kind: 'blocked-shutdown', outcome: 'destroyed' }])
    await expect(client.query('COMMIT')).rejects.toBeInstanceOf(SessionDestroyedError)
    client.release()
    expect(guarded.resolved).toMatchObject([{ kind: 'blocked-shutdown' }])
    await eventually(async () => expect(await db.sessions()).toEqual([]))
  })
})

describe('a session held for too long', () => {
  const destroying = { remedies: { 'long-hold': 'destroy' } } as const

  it('is destroyed if that is asked for; the next waiter is served; done and release are no-ops', async () => {
    const guarded = enforced({}, destroying)
    const { client, done } = await new Promise<{ client: pg.PoolClient; done: (error?: unknown) => void }>(
      (resolve, reject) => {
        guarded.pool.connect((error, owned, release) =>
          error || !owned ? reject(error) : resolve({ client: owned, done: release }),
        )
      },
    )
    const waiting = guarded.pool.connect()
    guarded.clock.advance(30_300)
    const next = await waiting
    done()
    expect(() => client.release(new Error('late'))).toThrow('already been released')
    expect(guarded.pool).toMatchObject({ totalCount: 1, idleCount: 0 })
    await next.query('SELECT 1')
    next.release()
    expect(guarded.pool).toMatchObject({ totalCount: 1, idleCount: 1 })
    expect(guarded.findings.map(({ kind }) => kind)).toEqual([
      'pool-exhausted',
      'long-hold',
      'double-release',
    ])
  })

  it('loses no slot over many rounds', async () => {
    const guarded = enforced({ max: 3 }, destroying)
    for (let round = 0; round < 10; round += 1) {
      const clients = await Promise.all([
        guarded.pool.connect(),
        guarded.pool.connect(),
        guarded.pool.connect(),
      ])
      guarded.clock.advance(31_000)
      await guarded.pool.query('SELECT 1')
      for (const client of clients) client.release()
    }
    const all = await Promise.all([guarded.pool.connect(), guarded.pool.connect(), guarded.pool.connect()])
    for (const client of all) client.release()
    expect(guarded.pool).toMatchObject({ totalCount: 3, idleCount: 3, waitingCount: 0 })
  })
})
