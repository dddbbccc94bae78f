import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(poolOptions: pg.PoolConfig = {}, options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 1, ...poolOptions }, options)
}

const insert = (note: string) => `INSERT INTO items (note) VALUES ('${note}')`

/** Checks a client out, sends the statements and releases it. */
async function use(pool: pg.Pool, ...statements: string[]): Promise<void> {
  const client = await pool.connect()
  for (const statement of statements) await client.query(statement).catch(() => {})
  client.release()
}

async function notes(): Promise<string[]> {
  const { rows } = await db.query<{ note: string }>('SELECT note FROM items ORDER BY id')
  return rows.map(({ note }) => note)
}

describe('what later owners suffer from a transaction left open, in observe,', () => {
  it('is counted on the finding of the owner that left it, with what was lost', async () => {
    const { pool, lifeguard, findings, resolved } = guarded()
    await use(pool, 'BEGIN', insert('half'))
    await use(pool, 'SELECT 1')
    await use(pool, insert('lost'))
    await pool.query('SELECT 2')
    expect(lifeguard.snapshot().findings).toMatchObject([
      { kind: 'dirty-release', aftermath: '3 later checkouts ran inside this transaction' },
    ])
    await pool.query('ROLLBACK')
    expect(findings).toMatchObject([{ kind: 'dirty-release', checkout: { id: 1 } }])
    expect(resolved).toMatchObject([
      {
        resolution: 'its session is clean again',
        aftermath: '4 later checkouts ran inside this transaction; one INSERT of theirs was lost',
      },
    ])
    expect(await notes()).toEqual([])
  })

  it('is told also where the session is closed', async () => {
    const { pool, cleared } = guarded({ idleTimeoutMillis: 300 })
    await use(pool, 'BEGIN')
    await use(pool, insert('one'), insert('two'), 'DELETE FROM items')
    expect(await cleared('dirty-release')).toMatchObject({
      resolution: 'its session was closed',
      aftermath: 'one later checkout ran inside this transaction; 2 INSERTs, one DELETE of theirs were lost',
    })
  })

  it('is that its half-done update is saved by the COMMIT of a later owner, which is not clean', async () => {
    const { pool, found, cleared } = guarded()
    await use(pool, 'BEGIN', insert('half'))
    await use(pool, 'BEGIN', insert('whole'), 'COMMIT')
    await found('dirty-release')
    expect(await cleared('dirty-release')).toMatchObject({
      checkout: { id: 1 },
      resolution: "a later owner's COMMIT saved what it had left unfinished",
      aftermath: 'one later checkout ran inside this transaction',
    })
    expect(await notes()).toEqual(['half', 'whole'])
    await db.query('TRUNCATE items')
  })

  it('is no loss where a later owner rolls back what it has begun itself', async () => {
    const { pool, cleared } = guarded()
    await use(pool, 'BEGIN')
    await use(pool, insert('lost'))
    await use(pool, 'BEGIN', insert('meant to be rolled back'), 'ROLLBACK')
    expect(await cleared('dirty-release')).toMatchObject({
      aftermath: '2 later checkouts ran inside this transaction; one INSERT of theirs was lost',
    })
  })

  it('is that their statements fail, where it has failed', async () => {
    const { pool, kinds, cleared } = guarded()
    await use(pool, 'BEGIN', 'SELECT 1/0')
    await use(pool, 'SELECT 1', 'SELECT 2', 'COMMIT')
    expect(await cleared('dirty-release')).toMatchObject({
      aftermath: 'one later checkout ran inside this transaction; 2 statements of theirs failed in it',
    })
    // The COMMIT that was lost is not its own.
    expect(kinds()).toEqual(['dirty-release'])
  })

  it('is nothing where nobody has used the session in between', async () => {
    const { pool, cleared } = guarded()
    await use(pool, 'BEGIN')
    await use(pool)
    const client = await pool.connect()
    client.release(true)
    expect(await cleared('dirty-release')).not.toHaveProperty('aftermath')
  })
})

describe('a later owner, in observe,', () => {
  it('is not charged for the transaction that it got, however long it holds the client', async () => {
    const { pool, clock, findings } = guarded({}, { limits: { holdMillis: false } })
    await use(pool, 'BEGIN')
    const client = await pool.connect()
    await client.query('SELECT 1')
    clock.advance(600_000)
    client.release()
    expect(findings).toMatchObject([{ kind: 'dirty-release', checkout: { id: 1 } }])
  })

  it('is found for a BEGIN of its own that it leaves open, with its own lines', async () => {
    const { pool, findings } = guarded()
    await use(pool, 'BEGIN')
    const line = hereLine()
    const client = await pool.connect()
    await client.query('BEGIN')
    client.release()
    expect(findings).toMatchObject([
      { kind: 'dirty-release', checkout: { id: 1 } },
      {
        kind: 'dirty-release',
        checkout: { id: 2 },
        origin: { line: line + 1 },
        transactionOrigin: { line: line + 2 },
      },
    ])
  })

  it('is found for a script of its own that fails, though it is released before the server is ready', async () => {
    const { pool, findings } = guarded()
    await use(pool, 'BEGIN')
    const client = await pool.connect()
    await client.query('BEGIN; SELECT 1/0').catch(() => client.release())
    await pool.query('SELECT 1').catch(() => {})
    expect(findings.map(({ checkout }) => checkout.id)).toEqual([1, 2])
  })

  it('is not charged for a BEGIN that a former owner has sent twice', async () => {
    const { pool, kinds } = guarded()
    await use(pool, 'BEGIN', 'BEGIN', 'BEGIN')
    await use(pool, 'SELECT 1/0', 'BEGIN', 'COMMIT')
    await pool.query('SELECT 1')
    expect(kinds()).toEqual(['dirty-release'])
  })

  it('is found for a transaction of its own in which it idles', async () => {
    const { pool, clock, kinds } = guarded()
    await use(pool, 'BEGIN')
    clock.advance(60_000)
    const client = await pool.connect()
    await client.query('START TRANSACTION')
    clock.advance(9_000)
    expect(kinds()).toEqual(['dirty-release'])
    clock.advance(2_000)
    expect(kinds()).toEqual(['dirty-release', 'idle-transaction'])
    client.release()
  })

  it('is found again and again, which is counted and kept within bounds', async () => {
    const { pool, lifeguard, findings } = guarded()
    for (let round = 0; round < 500; round += 1) await use(pool, 'BEGIN')
    expect(findings).toHaveLength(500)
    expect(findings.at(-1)).toMatchObject({ kind: 'dirty-release', occurrences: 500 })
    const open = lifeguard.snapshot().findings.filter(({ resolvedAt }) => resolvedAt === undefined)
    expect(open.length).toBeLessThanOrEqual(50)
    await pool.query('ROLLBACK')
  })
})
