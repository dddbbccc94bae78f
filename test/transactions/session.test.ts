import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { createLifeguard, manualClock, SessionReleasedError } from '../../src/index.ts'
import { ownPool } from '../own-pool.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { useGuardedTransactions } from './guarded-transactions.ts'

const { db, pool, lifeguard, findings, notes } = useGuardedTransactions({ max: 2 })

function out(): number {
  return lifeguard.snapshot().checkouts.length
}

describe('a session', () => {
  it('is released at the end of its block', async () => {
    {
      await using session = await lifeguard.session(pool)
      expect((await session.client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      expect(out()).toBe(1)
    }
    expect(out()).toBe(0)
    expect(findings).toEqual([])
  })

  it('is released when its block returns early', async () => {
    async function early(): Promise<string> {
      await using session = await lifeguard.session(pool)
      await session.client.query('BEGIN')
      return 'early'
    }
    expect(await early()).toBe('early')
    expect(out()).toBe(0)
    expect(findings).toEqual([])
  })

  it('is released when its block throws, and the error stays what it is', async () => {
    const failure = new Error('thrown inside')
    async function failing(): Promise<void> {
      await using session = await lifeguard.session(pool)
      await session.client.query('BEGIN')
      throw failure
    }
    await expect(failing()).rejects.toBe(failure)
    expect(out()).toBe(0)
  })

  it('rolls back what its block left open, before the next owner gets the client', async () => {
    const single = ownPool(db)
    {
      await using session = await lifeguard.session(single)
      await session.client.query('BEGIN')
      await session.client.query("INSERT INTO items (note) VALUES ('half')")
    }
    // The next owner has the same session: what it does must not be part of the transaction of the one before.
    await single.query("INSERT INTO items (note) VALUES ('next')")
    expect(await notes()).toEqual(['next'])
  })

  it('rolls back a transaction that has failed', async () => {
    {
      await using session = await lifeguard.session(pool)
      await session.client.query('BEGIN')
      await session.client.query("INSERT INTO items (note) VALUES ('half')")
      await expect(session.client.query('SELECT nonsense')).rejects.toThrow('nonsense')
    }
    expect(await notes()).toEqual([])
    expect([out(), findings]).toEqual([0, []])
  })

  it('rolls back a script that failed after its own BEGIN, although the status is not known yet', async () => {
    {
      await using session = await lifeguard.session(pool)
      await expect(
        session.client.query("BEGIN; INSERT INTO items (note) VALUES ('half'); SELECT nonsense"),
      ).rejects.toThrow('nonsense')
    }
    const { rows } = await pool.query("INSERT INTO items (note) VALUES ('next') RETURNING note")
    expect(rows).toEqual([{ note: 'next' }])
    expect(await notes()).toEqual(['next'])
    expect(findings).toEqual([])
  })

  it('rolls it back although the server says only later, in another packet, that a transaction is open', async () => {
    await using proxy = await startProxy(db.config.port, db.config.host)
    proxy.splitPackets()
    const distant = ownPool(db, { host: '127.0.0.1', port: proxy.port })
    {
      await using session = await lifeguard.session(distant)
      await expect(
        session.client.query("BEGIN; INSERT INTO items (note) VALUES ('half'); SELECT nonsense"),
      ).rejects.toThrow('nonsense')
      // What the driver knows is still the state before this script.
      expect(session.client.getTransactionStatus()).toBe('I')
    }
    expect(distant.idleCount).toBe(1)
    await distant.query("INSERT INTO items (note) VALUES ('next')")
    expect(await notes()).toEqual(['next'])
  })

  it('keeps what its block committed', async () => {
    {
      await using session = await lifeguard.session(pool)
      await session.client.query('BEGIN')
      await session.client.query("INSERT INTO items (note) VALUES ('kept')")
      await session.client.query('COMMIT')
      await session.client.query("INSERT INTO items (note) VALUES ('kept, too')")
    }
    expect(await notes()).toEqual(['kept', 'kept, too'])
  })

  it('sends no ROLLBACK where there is nothing to roll back', async () => {
    const notices: string[] = []
    {
      await using session = await lifeguard.session(pool)
      session.client.on('notice', ({ message }) => notices.push(String(message)))
      await session.client.query('SELECT 1')
    }
    {
      await using session = await lifeguard.session(pool)
      await session.client.query('SELECT 1')
      session.client.removeAllListeners('notice')
    }
    expect(notices).toEqual([])
  })

  it('is released once, however often it is told to', async () => {
    const session = await lifeguard.session(pool)
    await session.release()
    await session.release()
    await session[Symbol.asyncDispose]()
    expect(out()).toBe(0)
    expect(findings).toEqual([])
    const [one, other] = await Promise.all([pool.connect(), pool.connect()])
    expect(one).not.toBe(other)
    one.release()
    other.release()
  })

  it('queries as its client does', async () => {
    await using session = await lifeguard.session(pool)
    const { rows } = await session.query('SELECT $1::int + 1 AS two', [1])
    expect(rows).toEqual([{ two: 2 }])
    const query = session.query
    expect((await query({ text: 'SELECT 3 AS three', rowMode: 'array' })).rows).toEqual([[3]])
  })

  it('refuses to query when it is released: the client has another owner then', async () => {
    const session = await lifeguard.session(pool)
    await session.release()
    const owner = await pool.connect()
    try {
      await owner.query('BEGIN')
      await expect(session.query("INSERT INTO items (note) VALUES ('stray')")).rejects.toThrow(
        SessionReleasedError,
      )
      await owner.query('COMMIT')
    } finally {
      owner.release()
    }
    expect(await notes()).toEqual([])
  })

  it('whose server session was killed is released, and its slot replaced', async () => {
    {
      await using session = await lifeguard.session(pool)
      const { rows } = await session.client
        .query('BEGIN; SELECT pg_backend_pid() AS pid')
        .then((results) => (results as unknown as pg.QueryResult[])[1] ?? { rows: [] })
      expect(await db.terminate(rows[0]?.pid)).toBe(true)
      await expect(session.client.query('SELECT 1')).rejects.toThrow()
    }
    expect(out()).toBe(0)
    const clients = await Promise.all([pool.connect(), pool.connect()])
    for (const client of clients) {
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      client.release()
    }
  })

  it('fails as the pool does when there is no client, and nothing is left behind', async () => {
    const small = ownPool(db)
    const holder = await small.connect()
    small.options.connectionTimeoutMillis = 50
    await expect(lifeguard.session(small)).rejects.toThrow('timeout exceeded when trying to connect')
    holder.release()
  })

  it('is released although the guard was taken off meanwhile', async () => {
    const small = ownPool(db)
    const guard = createLifeguard({ clock: manualClock(), reporters: [] })
    guard.watch(small)
    {
      await using session = await guard.session(small)
      await session.client.query("BEGIN; INSERT INTO items (note) VALUES ('half')")
      await guard.close()
    }
    expect([small.totalCount, small.idleCount]).toEqual([1, 1])
    expect(await notes()).toEqual([])
  })

  it('is released although the guard came meanwhile', async () => {
    const small = ownPool(db)
    const guard = createLifeguard({ clock: manualClock(), reporters: [] })
    {
      await using session = await guard.session(small)
      guard.watch(small)
      await session.client.query("BEGIN; INSERT INTO items (note) VALUES ('half')")
    }
    expect(small.idleCount).toBe(small.totalCount)
    await guard.close()
    expect(await notes()).toEqual([])
  })

  it('does not release the client of the next owner when its own block released it already', async () => {
    const small = ownPool(db)
    const session = await lifeguard.session(small)
    session.client.release()
    const owner = await small.connect()
    await owner.query("BEGIN; INSERT INTO items (note) VALUES ('of the next owner')")
    // Whether it complains, as the pool itself does, is another matter.
    await session.release().catch(() => {})
    expect([small.totalCount, small.idleCount]).toEqual([1, 0])
    await owner.query('COMMIT')
    owner.release()
    expect(await notes()).toEqual(['of the next owner'])
  })

  it('works on a pool that nobody watches', async () => {
    const bare = ownPool(db)
    {
      await using session = await lifeguard.session(bare)
      await session.client.query("BEGIN; INSERT INTO items (note) VALUES ('half')")
    }
    expect([bare.totalCount, bare.idleCount]).toEqual([1, 1])
    expect(await notes()).toEqual([])
  })
})
