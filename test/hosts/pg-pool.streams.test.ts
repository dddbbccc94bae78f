import { once } from 'node:events'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import QueryStream from 'pg-query-stream'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { abandonAfterTest, extremes, failureOf, type Guard, guard } from './bare-twin.ts'
import { Cursor } from './pg-cursor.ts'

const db = useDatabase()
let proxy: TcpProxy

beforeAll(async () => {
  await db.query("INSERT INTO items (note) SELECT 'note ' || n FROM generate_series(1, 1000) n")
  await db.query('CREATE TABLE copied (n int)')
  proxy = await startProxy(db.config.port, db.config.host)
  proxy.splitPackets()
})
afterAll(() => proxy.close())

const numbers = (count: number) => `SELECT generate_series(1, ${count}) AS n`
/** More than the sockets' buffers take, so that the server cannot finish unless somebody reads. */
const endless = 'SELECT repeat(n::text, 1000) AS n FROM generate_series(1, 1000000) n'
const pastIdleLimit = 25_000

describe.each(extremes)('pg $version in mode $mode', ({ version, driver, mode }) => {
  let pool: pg.Pool
  let guarded: Guard

  beforeEach(() => {
    pool = abandonAfterTest(new driver.Pool({ ...db.config, max: 1 }))
    guarded = guard(pool, { mode })
  })

  /** What the next owner does, who gets the same connection if nothing is wrong with it. */
  async function expectNothingWrong(): Promise<void> {
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(guarded.kinds()).toEqual([])
    expect(pool.totalCount).toBe(1)
  }

  /** The client was released with work in progress. Bare and in `observe` its next owner waits for ever. */
  async function expectBusyRelease(hint: RegExp): Promise<void> {
    await eventually(() => expect(guarded.kinds()).toEqual(['busy-release']))
    expect(guarded.findings[0]).toMatchObject({
      certainty: 'certain',
      origin: { file: import.meta.filename },
      hint: expect.stringMatching(hint),
    })
    if (mode === 'observe') return
    expect(guarded.findings[0]).toMatchObject({ outcome: 'destroyed' })
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  }

  function queryPool(submittable: pg.Submittable): void {
    // A promise that is answered only when the test is over and has closed the connection.
    pool.query(submittable as unknown as string).catch(() => {})
  }

  function expectHeldByPoolQuery(): void {
    expect(pool.idleCount).toBe(0)
    guarded.clock.advance(31_000)
    expect(guarded.findings).toMatchObject([
      { kind: 'long-hold', checkout: { via: 'pool.query' }, origin: { file: import.meta.filename } },
    ])
  }

  describe('pg-cursor', () => {
    it('is no leak when read to its end', async () => {
      const client = await pool.connect()
      const cursor = client.query(new Cursor(numbers(5)))
      const rows: unknown[] = []
      for (let batch = await cursor.read(2); batch.length > 0; batch = await cursor.read(2))
        rows.push(...batch)
      client.release()
      expect(rows).toHaveLength(5)
      await expectNothingWrong()
    })

    it('is no leak when closed early', async () => {
      const client = await pool.connect()
      const cursor = client.query(new Cursor(numbers(100), []))
      expect(await cursor.read(3)).toHaveLength(3)
      await cursor.close()
      client.release()
      await expectNothingWrong()
    })

    it('is no idle transaction while it is open, however slowly it is read', async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      const cursor = client.query(new Cursor(numbers(100)))
      await cursor.read(3)
      guarded.clock.advance(pastIdleLimit)
      await cursor.read(3)
      expect(guarded.lifeguard.snapshot().checkouts).toMatchObject([{ transaction: 'open', idleMillis: 0 }])
      await cursor.close()
      await client.query('COMMIT')
      client.release()
      await expectNothingWrong()
    })

    it('leaves an idle transaction behind once it is closed', async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      const cursor = client.query(new Cursor(numbers(100)))
      await cursor.read(3)
      await cursor.close()
      guarded.clock.advance(pastIdleLimit)
      expect(guarded.lifeguard.snapshot().findings).toMatchObject([
        { kind: 'idle-transaction', transactionOrigin: { file: import.meta.filename } },
      ])
    })

    it('is no leak when it fails', async () => {
      const client = await pool.connect()
      const cursor = client.query(new Cursor('SELECT nonsense'))
      expect(await failureOf(() => cursor.read(1))).toMatchObject({ code: '42703' })
      client.release()
      await expectNothingWrong()
    })

    it('is told when the client is released with it open', async () => {
      const client = await pool.connect()
      const cursor = client.query(new Cursor(numbers(100)))
      await cursor.read(3)
      client.release()
      await expectBusyRelease(/cursor or query stream/)
    })
  })

  describe('pg-query-stream', () => {
    it("is no leak when released at its 'end'", async () => {
      const client = await pool.connect()
      const stream = client.query(new QueryStream(numbers(250)))
      stream.on('end', () => client.release())
      expect(await stream.toArray()).toHaveLength(250)
      await expectNothingWrong()
    })

    it.each(['direct', 'through packets of their own'])(
      'is no leak when destroyed early and released at once, %s',
      async (way) => {
        if (way !== 'direct') {
          pool = abandonAfterTest(new driver.Pool({ connectionString: proxy.url(db.url), max: 1 }))
          guarded = guard(pool, { mode })
        }
        const client = await pool.connect()
        const stream = client.query(new QueryStream(numbers(1000), [], { batchSize: 10 }))
        await once(stream, 'data')
        stream.destroy()
        client.release()
        await expectNothingWrong()
      },
    )

    it('is no leak when a for await loop is left with break', async () => {
      const client = await pool.connect()
      let rows = 0
      try {
        for await (const row of client.query(new QueryStream(numbers(1000), [], { batchSize: 10 }))) {
          expect(row).toEqual({ n: rows + 1 })
          rows += 1
          if (rows === 25) break
        }
      } finally {
        client.release()
      }
      expect(rows).toBe(25)
      await expectNothingWrong()
    })

    it('is no idle transaction while a slow consumer reads it', async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      let rows = 0
      for await (const _ of client.query(new QueryStream(numbers(60), [], { batchSize: 20 }))) {
        rows += 1
        if (rows === 30) guarded.clock.advance(pastIdleLimit)
      }
      await client.query('COMMIT')
      client.release()
      expect(rows).toBe(60)
      await expectNothingWrong()
    })

    it('is told when the client is released with it open', async () => {
      const client = await pool.connect()
      const stream = client.query(new QueryStream(endless, [], { batchSize: 10 }))
      await once(stream, 'readable')
      client.release()
      stream.on('error', () => {})
      await expectBusyRelease(/cursor or query stream/)
    })

    // Before 8.12 the driver forgets the callback that pool.query gives it, and with it the client.
    it.runIf(version !== '8.11')(
      'given to pool.query gives its client back at the end or when destroyed',
      async () => {
        const whole = new QueryStream(numbers(60), [], { batchSize: 20 })
        queryPool(whole)
        let rows = 0
        for await (const _ of whole) {
          rows += 1
          if (rows === 30) guarded.clock.advance(pastIdleLimit)
        }
        expect(rows).toBe(60)
        const partial = new QueryStream(numbers(1000), [], { batchSize: 10 })
        queryPool(partial)
        await once(partial, 'data')
        partial.destroy()
        await expectNothingWrong()
      },
    )

    it.runIf(version === '8.11')(
      'given to pool.query holds its client for ever, and is told with its line',
      async () => {
        const stream = new QueryStream(numbers(30))
        queryPool(stream)
        expect(await stream.toArray()).toHaveLength(30)
        expectHeldByPoolQuery()
      },
    )
  })

  describe('COPY FROM STDIN', () => {
    const intoTable = () => copyFrom('COPY copied FROM STDIN')

    it('is no leak when its source ends', async () => {
      const client = await pool.connect()
      await pipeline(Readable.from(['1\n', '2\n', '3\n']), client.query(intoTable()))
      client.release()
      await expectNothingWrong()
    })

    it('is no leak when its source fails', async () => {
      const client = await pool.connect()
      async function* failing() {
        yield '1\n'
        throw new Error('the source failed')
      }
      const copying = pipeline(Readable.from(failing()), client.query(intoTable()))
      expect(await failureOf(() => copying.finally(() => client.release()))).toHaveProperty('message')
      await expectNothingWrong()
    })

    it('is no leak when its data are wrong and the transaction is rolled back', async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      try {
        await pipeline(Readable.from(['not a number\n']), client.query(intoTable()))
        expect.unreachable()
      } catch (error) {
        expect(error).toMatchObject({ code: '22P02' })
        await client.query('ROLLBACK')
      } finally {
        client.release()
      }
      await expectNothingWrong()
    })

    it('leaves a failed transaction behind when its source fails without ROLLBACK', async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      const copying = pipeline(Readable.from(['not a number\n']), client.query(intoTable()))
      await failureOf(() => copying.finally(() => client.release()))
      await failureOf(() => pool.query('SELECT nonsense'))
      expect(guarded.kinds()).toEqual(['dirty-release'])
    })

    it('is no idle transaction while its source is slow', async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      async function* slow() {
        yield '1\n'
        guarded.clock.advance(pastIdleLimit)
        yield '2\n'
      }
      await pipeline(Readable.from(slow()), client.query(intoTable()))
      await client.query('COMMIT')
      client.release()
      await expectNothingWrong()
    })

    it('is told when the client is released while it runs', async () => {
      const client = await pool.connect()
      const stream = client.query(intoTable())
      stream.on('error', () => {})
      await new Promise((resolve) => stream.write('1\n', resolve))
      client.release()
      await expectBusyRelease(/COPY/)
    })

    it('given to pool.query holds its client for ever, and is told with its line', async () => {
      const stream = intoTable()
      queryPool(stream)
      await pipeline(Readable.from(['1\n']), stream)
      expectHeldByPoolQuery()
    })
  })

  describe('COPY TO STDOUT', () => {
    const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() })

    it.each(['direct', 'through packets of their own'])(
      'is no leak when read to its end, %s',
      async (way) => {
        if (way !== 'direct') {
          pool = abandonAfterTest(new driver.Pool({ connectionString: proxy.url(db.url), max: 1 }))
          guarded = guard(pool, { mode })
        }
        const client = await pool.connect()
        const stream = client.query(copyTo(`COPY (${numbers(100)}) TO STDOUT`))
        await pipeline(stream, nowhere())
        client.release()
        await expectNothingWrong()
      },
    )

    it('is no leak when it fails', async () => {
      const client = await pool.connect()
      const stream = client.query(copyTo('COPY (SELECT 1/n FROM generate_series(-1, 1) n) TO STDOUT'))
      expect(await failureOf(() => pipeline(stream, nowhere()))).toMatchObject({ code: '22012' })
      client.release()
      await expectNothingWrong()
    })

    it('is no idle transaction while it is read slowly', async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      const slow = new Writable({
        write(_chunk, _encoding, done) {
          guarded.clock.advance(pastIdleLimit / 25)
          done()
        },
      })
      await pipeline(client.query(copyTo(`COPY (${numbers(10)}) TO STDOUT`)), slow)
      await client.query('COMMIT')
      client.release()
      await expectNothingWrong()
    })

    it('is told when the client is released while it runs', async () => {
      const client = await pool.connect()
      const stream = client.query(copyTo(`COPY (${endless}) TO STDOUT`))
      stream.on('error', () => {})
      await once(stream, 'readable')
      client.release()
      await expectBusyRelease(/COPY/)
    })

    it('given to pool.query holds its client for ever, and is told with its line', async () => {
      const stream = copyTo(`COPY (${numbers(3)}) TO STDOUT`)
      queryPool(stream)
      await pipeline(stream, nowhere())
      expectHeldByPoolQuery()
    })
  })
})
