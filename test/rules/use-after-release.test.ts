import pg from 'pg'
import Cursor from 'pg-cursor'
import { describe, expect, it } from 'vitest'
import { type LifeguardOptions, SessionReleasedError } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(options: LifeguardOptions = {}, poolOptions: pg.PoolConfig = {}) {
  return guardedPool({ ...db.config, max: 1, ...poolOptions }, options)
}

describe('a statement on a client that lies in the pool', () => {
  it('is reported with the lines of the checkout and of the statement', async () => {
    const { pool, findings } = guarded()
    const line = hereLine()
    const client = await pool.connect()
    client.release()
    await client.query('SELECT 1')
    expect(findings).toMatchObject([
      {
        kind: 'use-after-release',
        certainty: 'certain',
        remedy: 'report',
        origin: { line: line + 1 },
        eventOrigin: { line: line + 3 },
        resolution: 'it happened once',
      },
    ])
    expect(findings[0]?.outcome).toBeUndefined()
  })

  it('is refused in enforce, in each form of query', async () => {
    const { pool, findings } = guarded({ mode: 'enforce' })
    const client = await pool.connect()
    client.release()
    const error = await client.query('SELECT 1').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(SessionReleasedError)
    expect(error).toMatchObject({
      code: 'LIFEGUARD_SESSION_RELEASED',
      finding: { kind: 'use-after-release', id: findings[0]?.id },
    })
    expect((error as Error).message).toMatch(
      /^A query after release was refused by pg-lifeguard \(use-after-release, checked out at .*:\d+:\d+\)$/,
    )
    await expect(
      new Promise((resolve, reject) =>
        client.query('SELECT 1', (reason: Error) => (reason ? reject(reason) : resolve(undefined))),
      ),
    ).rejects.toThrow(SessionReleasedError)
    const cursor = client.query(new Cursor('SELECT 1'))
    await expect(cursor.read(1)).rejects.toThrow(SessionReleasedError)
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(findings).toMatchObject([{ outcome: 'refused' }])
  })

  it('is reported long after the release, though the line of the checkout is forgotten by then', async () => {
    const { pool, clock, findings } = guarded()
    const client = await pool.connect()
    client.release()
    clock.advance(1_000)
    clock.advance(1_000)
    const line = hereLine()
    await client.query('SELECT 1')
    expect(findings).toMatchObject([{ kind: 'use-after-release', eventOrigin: { line: line + 1 } }])
  })

  it('is reported while a remedy still holds the client back', async () => {
    const { pool, found } = guarded({ mode: 'enforce' })
    const client = await pool.connect()
    await client.query('SET search_path TO app')
    client.release()
    expect(pool.idleCount).toBe(0)
    await expect(client.query('SELECT 1')).rejects.toThrow(SessionReleasedError)
    expect(await found('use-after-release')).toMatchObject({ outcome: 'refused' })
  })
})

describe.each(['observe', 'enforce'] as const)('in %s there is no such finding', (mode) => {
  it('for statements of pool.query and for a listener of the pool that prepares its clients', async () => {
    const pool = new pg.Pool({ ...db.config, max: 2 })
    for (const event of ['connect', 'acquire'] as const)
      pool.on(event, (client) => void client.query('SELECT 0').catch(() => {}))
    const { findings } = guardedPool({}, { mode }, pool)
    for (let round = 0; round < 5; round++) {
      await Promise.all([pool.query('SELECT 1'), pool.query('SELECT 2'), pool.query('SELECT 3')])
      const client = await pool.connect()
      await client.query('SELECT 4')
      client.release()
    }
    expect(findings).toEqual([])
  })

  it('for a listener of release that puts the client in order', async () => {
    const { pool, findings } = guarded({ mode })
    pool.on('release', (_error, client) => void (client as pg.PoolClient).query('SELECT 1').catch(() => {}))
    const client = await pool.connect()
    client.release()
    await pool.query('SELECT 1')
    expect(findings).toEqual([])
  })

  it('once the guard is off', async () => {
    const { pool, lifeguard, findings } = guarded({ mode })
    const client = await pool.connect()
    client.release()
    await lifeguard.close()
    await client.query('SELECT 1')
    expect(findings).toEqual([])
  })
})
