import { Pool, type PoolClient } from 'postgres-pool'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SessionDestroyedError } from '../../../../../src/index.ts'
import { failureOf, modes } from '../../../../support/bare-twin.ts'
import { useDatabase } from '../../../../support/database.ts'
import { eventually } from '../../../../support/eventually.ts'
import { hereLine } from '../../../../support/guarded-pool.ts'
import { endSessions, guard } from '../../support/guard.ts'

const db = useDatabase()
const sized = { poolSize: 2, waitForAvailableConnectionTimeoutMillis: 60_000 }

function openPool(options: Partial<typeof sized> = {}): Pool {
  const pool = new Pool({ ...db.config, ...sized, ...options })
  pool.on('error', () => {})
  onTestFinished(async () => {
    await pool.end()
    await endSessions(db)
  })
  return pool
}

/** As an application uses it: alone, in a transaction, past an error, and more often than the pool has clients. */
async function useCorrectly(pool: Pool): Promise<void> {
  await pool.query('SELECT @value::int AS value', { value: 1 })
  await expect(pool.query('SELECT 1/0')).rejects.toThrow('division by zero')
  await Promise.all(
    Array.from({ length: 12 }, async () => {
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        await client.query('SELECT 1')
        await client.query('COMMIT')
      } finally {
        await client.release()
      }
      await pool.query('SELECT 1')
    }),
  )
  const broken = await pool.connect()
  await broken.release(true)
}

describe.each(modes)('postgres-pool in %s', (mode) => {
  it.each(['raw', 'checked'] as const)('is silent at correct use, handles %s', async (handles) => {
    const pool = openPool()
    const { clock, lifeguard, findings } = guard(pool, { mode, handles })
    await useCorrectly(pool)
    clock.advance(60_000)
    expect(findings).toEqual([])
    expect(lifeguard.snapshot()).toMatchObject({ checkouts: [], pools: [{ total: 1, idle: 1, max: 2 }] })
  })

  it('reports a caller that waits, and names the holder in its time-out', async () => {
    const pool = openPool({ poolSize: 1, waitForAvailableConnectionTimeoutMillis: 300 })
    const { clock, kinds } = guard(pool, { mode, limits: { holdMillis: false } })
    const line = hereLine(1)
    const client = await pool.connect()
    const waiting = failureOf(() => pool.query('SELECT 1'))
    clock.advance(6_000)
    expect(kinds()).toEqual(['pool-exhausted'])
    expect(await waiting).toMatchObject({
      code: 'ERR_PG_CONNECT_POOL_CONNECTION_TIMEOUT',
      holders: [{ origin: { file: import.meta.filename, line } }],
      cause: { code: 'LIFEGUARD_POOL_EXHAUSTED' },
    })
    await client.release()
  })

  it('reports a second release, and a client that is released in its transaction', async () => {
    const pool = openPool()
    const { kinds } = guard(pool, { mode })
    const client = await pool.connect()
    await client.query('BEGIN')
    // Its release is a promise, also where a remedy holds it.
    await client.release().then(() => client.release())
    await eventually(() => expect(kinds().toSorted()).toEqual(['dirty-release', 'double-release']))
  })

  it('ends, and is not said to wait for clients that are out', async () => {
    const pool = openPool()
    const { clock, lifeguard, kinds } = guard(pool, { mode })
    const client = await pool.connect()
    await pool.end()
    clock.advance(5_000)
    expect(kinds()).toEqual([])
    expect(lifeguard.snapshot().pools).toMatchObject([{ ending: false }])
    await client.release()
    await eventually(async () => expect(await db.sessions()).toEqual([]))
  })
})

describe('postgres-pool, in enforce', () => {
  const destroys = {
    mode: 'enforce',
    remedies: { 'long-hold': 'destroy' },
    limits: { holdMillis: 1_000 },
  } as const

  it('serves the callers that wait when a session is destroyed', async () => {
    const pool = openPool({ poolSize: 1 })
    const { clock, lifeguard } = guard(pool, destroys)
    const stuck = await pool.connect()
    await stuck.query('SELECT 1')
    const served = Promise.all([pool.query('SELECT 1 AS one'), pool.query('SELECT 2 AS two')])
    clock.advance(1_200)
    expect((await served).map(({ rows }) => rows)).toEqual([[{ one: 1 }], [{ two: 2 }]])
    expect(await failureOf(() => stuck.query('SELECT 3'))).toBeInstanceOf(SessionDestroyedError)
    await stuck.release().catch(() => {})
    expect(lifeguard.snapshot().pools).toMatchObject([{ total: 1, idle: 1, waiting: 0 }])
    await eventually(async () => expect(await db.sessions()).toHaveLength(1))
  })

  it('loses no client to a caller that has given up while its connection was opened', async () => {
    const pool = openPool({ poolSize: 1, waitForAvailableConnectionTimeoutMillis: 100 })
    const { clock } = guard(pool, destroys)
    const inside = pool as unknown as { _createConnection(id: string): Promise<PoolClient> }
    const own = inside._createConnection.bind(pool)
    await pool.connect()
    const waiting = failureOf(() => pool.connect())
    let open = () => {}
    const opening = new Promise<void>((resolve) => {
      open = resolve
    })
    inside._createConnection = async (id) => {
      await opening
      return own(id)
    }
    clock.advance(1_200)
    expect(await waiting).toMatchObject({ code: 'ERR_PG_CONNECT_POOL_CONNECTION_TIMEOUT' })
    open()
    await eventually(() => expect(pool).toMatchObject({ totalCount: 1, idleCount: 1, waitingCount: 0 }))
  })

  it('keeps a caller in line whose connection could not be opened', async () => {
    const pool = openPool({ poolSize: 2 })
    const { clock } = guard(pool, destroys)
    await Promise.all([pool.connect(), pool.connect()])
    const inside = pool as unknown as { _createConnection(id: string): Promise<PoolClient> }
    const own = inside._createConnection
    inside._createConnection = () => Promise.reject(new Error('the server is starting up'))
    const waiting = pool.connect()
    clock.advance(1_200)
    await eventually(() => expect(pool).toMatchObject({ totalCount: 0, waitingCount: 1 }))
    inside._createConnection = own
    const other = await pool.connect()
    await other.release()
    await (await waiting).release()
  })

  it('leaves the pool as it was', async () => {
    const pool = openPool()
    const names = Object.getOwnPropertyNames(pool)
    const { unwatch } = guard(pool)
    unwatch()
    expect(Object.getOwnPropertyNames(pool)).toEqual(names)
  })
})
