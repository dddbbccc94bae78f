import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { abandonAfterTest, combinations, failureOf, type Guard, guard } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts'

const db = useDatabase()
let proxy: TcpProxy

beforeAll(async () => {
  proxy = await startProxy(db.config.port, db.config.host)
  proxy.splitPackets()
  await db.query(`
    CREATE TABLE parents (id int PRIMARY KEY);
    CREATE TABLE children (parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)`)
})
afterAll(() => proxy.close())

describe.each(combinations)('pg $version in mode $mode', ({ version, driver, mode }) => {
  let pool: pg.Pool
  let guarded: Guard

  beforeEach(() => {
    pool = abandonAfterTest(new driver.Pool({ ...db.config, max: 1 }))
    guarded = guard(pool, { mode })
  })

  const transactionSeen = () => guarded.lifeguard.snapshot().checkouts[0]?.transaction

  it('checks out by promise and gives back', async () => {
    const client = await pool.connect()
    expect(client).toBeInstanceOf(driver.Client)
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(guarded.lifeguard.snapshot().checkouts).toMatchObject([{ via: 'connect', queryCount: 1 }])
    expect(client.release()).toBeUndefined()
    expect(pool.idleCount).toBe(1)
    expect(guarded.lifeguard.snapshot().checkouts).toEqual([])
    expect(guarded.kinds()).toEqual([])
  })

  it('checks out by callback with done, which is client.release', async () => {
    const returned: unknown[] = []
    const rows = await new Promise((resolve, reject) => {
      returned.push(
        pool.connect((error, client, done) => {
          if (error || client === undefined) return reject(error)
          expect(client.release).toBe(done)
          client.query('SELECT 2 AS two', (failure, result) => {
            done()
            if (failure) reject(failure)
            else resolve(result.rows)
          })
        }),
      )
    })
    expect(rows).toEqual([{ two: 2 }])
    expect(returned).toEqual([undefined])
    expect(pool.idleCount).toBe(1)
    expect(guarded.lifeguard.snapshot().checkouts).toEqual([])
    expect(guarded.kinds()).toEqual([])
  })

  it.each([
    ['true', true],
    ['an error', new Error('not wanted any more')],
  ])('closes a client released with %s, its transaction with it, and reports nothing', async (_, reason) => {
    const client = await pool.connect()
    await client.query('BEGIN')
    client.release(reason)
    expect(pool.totalCount).toBe(0)
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(guarded.kinds()).toEqual([])
  })

  it('follows the transaction through BEGIN, savepoint, failure and ROLLBACK', async () => {
    const client = await pool.connect()
    expect(transactionSeen()).toBe('idle')
    await client.query('BEGIN')
    expect(transactionSeen()).toBe('open')
    await client.query('SAVEPOINT here')
    await expect(client.query('SELECT nonsense')).rejects.toThrow('nonsense')
    await eventually(() => expect(transactionSeen()).toBe('failed'))
    await client.query('ROLLBACK TO here')
    expect(transactionSeen()).toBe('open')
    await client.query('ROLLBACK')
    expect(transactionSeen()).toBe('idle')
    client.release()
    expect(guarded.kinds()).toEqual([])
  })

  it('tells a COMMIT that was answered by ROLLBACK', async () => {
    const client = await pool.connect()
    await client.query('BEGIN')
    await expect(client.query('SELECT nonsense')).rejects.toThrow('nonsense')
    expect(await client.query('COMMIT')).toMatchObject({ command: 'ROLLBACK' })
    client.release()
    expect(guarded.kinds()).toEqual(['lost-commit'])
  })

  it('throws at a second release of the same checkout, as the pool does', async () => {
    const client = await pool.connect()
    const { release } = client
    release()
    expect(() => release()).toThrow('Release called on client which has already been released to the pool.')
    expect(guarded.kinds()).toEqual(['double-release'])
  })

  it('tells a transaction that pool.query left open, with its line', async () => {
    await pool.query('BEGIN')
    await eventually(() => expect(guarded.kinds()).toEqual(['dirty-release']))
    expect(guarded.findings[0]).toMatchObject({
      checkout: { via: 'pool.query' },
      origin: { file: import.meta.filename },
    })
  })

  describe.each([
    ['together', false, () => db.url],
    ['in packets of their own', true, () => proxy.url(db.url)],
  ])('with the error and the status after it %s', (_, apart, url) => {
    beforeEach(() => {
      pool = abandonAfterTest(new driver.Pool({ connectionString: url(), max: 1 }))
      guarded = guard(pool, { mode })
    })

    /** Releases as a `finally` does, when the status that the driver knows may be that of the statement before. */
    function release(client: pg.PoolClient): void {
      if (apart) expect(client).toMatchObject({ readyForQuery: false })
      client.release()
    }

    /** The next owner's statement is answered after everything that the one before has left behind. */
    async function nextOwnerSees(): Promise<string | undefined> {
      const { rows } = await pool.query<{ leaked: boolean }>(
        'SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS leaked',
      )
      return String(rows[0]?.leaked)
    }

    it('takes a failed COMMIT and release in finally for what it is: no leak', async () => {
      const client = await pool.connect()
      const failure = await failureOf(async () => {
        try {
          await client.query('BEGIN')
          await client.query('INSERT INTO children VALUES (404)')
          await client.query('COMMIT')
        } finally {
          release(client)
        }
      })
      expect(failure).toMatchObject({ code: '23503' })
      expect(await nextOwnerSees()).toBe('false')
      expect(pool.totalCount).toBe(1)
      expect(guarded.kinds()).toEqual([])
    })

    it('takes a failed statement outside a transaction for no leak', async () => {
      const client = await pool.connect()
      await failureOf(() => client.query('SELECT nonsense').finally(() => release(client)))
      expect(await nextOwnerSees()).toBe('false')
      expect(pool.totalCount).toBe(1)
      expect(guarded.kinds()).toEqual([])
    })

    it('tells a script that failed after its own BEGIN', async () => {
      const client = await pool.connect()
      const failure = await failureOf(async () => {
        try {
          await client.query("BEGIN; INSERT INTO items (note) VALUES ('half'); SELECT nonsense; COMMIT")
        } finally {
          release(client)
        }
      })
      expect(failure).toMatchObject({ code: '42703' })
      await eventually(() => expect(guarded.kinds()).toEqual(['dirty-release']))
      expect(guarded.findings[0]).toMatchObject({ origin: { file: import.meta.filename } })
      if (mode === 'enforce') {
        expect(guarded.findings[0]).toMatchObject({ outcome: 'rolled-back' })
        expect(await nextOwnerSees()).toBe('false')
      } else {
        // As with the bare pool: the next owner inherits the failed transaction.
        expect(await failureOf(nextOwnerSees)).toMatchObject({ code: '25P02' })
      }
    })

    it('rolls back nothing and reports nothing after ROLLBACK in catch', async () => {
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        await client.query('SELECT nonsense')
      } catch {
        await client.query('ROLLBACK')
      } finally {
        client.release()
      }
      expect(await nextOwnerSees()).toBe('false')
      expect(guarded.kinds()).toEqual([])
    })
  })

  it('leaves no listener behind on a client that was given back', async () => {
    const client = await pool.connect()
    const counts = () =>
      ['error', 'end', 'drain', 'notice', 'notification'].map((event) => client.listenerCount(event))
    client.release()
    const once = counts()
    for (let round = 0; round < 5; round++) (await pool.connect()).release()
    expect(counts(), `pg ${version}`).toEqual(once)
  })
})
