import { once } from 'node:events'
import type pg from 'pg'
import QueryStream from 'pg-query-stream'
import { beforeAll, describe, expect, it } from 'vitest'
import { extremes, failureOf } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'
import { Cursor } from '../support/pg-cursor.ts'
import { numbers, usePoolForStreams } from './streamed.ts'

const db = useDatabase()

beforeAll(async () => {
  await db.query("INSERT INTO items (note) SELECT 'note ' || n FROM generate_series(1, 1000) n")
})

/** More than the sockets' buffers take, so that the server cannot finish unless somebody reads. */
const endless = 'SELECT repeat(n::text, 1000) AS n FROM generate_series(1, 1000000) n'
const pastIdleLimit = 25_000

function queryPool(pool: pg.Pool, submittable: pg.Submittable): void {
  // A promise that is answered only when the test is over and has closed the connection.
  pool.query(submittable as unknown as string).catch(() => {})
}

describe.each(extremes)('pg $version in mode $mode', ({ version, driver, mode }) => {
  const on = usePoolForStreams(db, import.meta.filename, { driver, mode })

  describe('pg-cursor', () => {
    it('is no leak when read to its end', async () => {
      const client = await on.pool.connect()
      const cursor = client.query(new Cursor(numbers(5)))
      const rows: unknown[] = []
      for (let batch = await cursor.read(2); batch.length > 0; batch = await cursor.read(2))
        rows.push(...batch)
      client.release()
      expect(rows).toHaveLength(5)
      await on.expectNothingWrong()
    })

    it('is no leak when closed early', async () => {
      const client = await on.pool.connect()
      const cursor = client.query(new Cursor(numbers(100), []))
      expect(await cursor.read(3)).toHaveLength(3)
      await cursor.close()
      client.release()
      await on.expectNothingWrong()
    })

    it('is no idle transaction while it is open, however slowly it is read', async () => {
      const client = await on.pool.connect()
      await client.query('BEGIN')
      const cursor = client.query(new Cursor(numbers(100)))
      await cursor.read(3)
      on.guarded.clock.advance(pastIdleLimit)
      await cursor.read(3)
      expect(on.guarded.lifeguard.snapshot().checkouts).toMatchObject([
        { transaction: 'open', idleMillis: 0 },
      ])
      await cursor.close()
      await client.query('COMMIT')
      client.release()
      await on.expectNothingWrong()
    })

    it('leaves an idle transaction behind once it is closed', async () => {
      const client = await on.pool.connect()
      await client.query('BEGIN')
      const cursor = client.query(new Cursor(numbers(100)))
      await cursor.read(3)
      await cursor.close()
      on.guarded.clock.advance(pastIdleLimit)
      expect(on.guarded.lifeguard.snapshot().findings).toMatchObject([
        { kind: 'idle-transaction', transactionOrigin: { file: import.meta.filename } },
      ])
    })

    it('is no leak when it fails', async () => {
      const client = await on.pool.connect()
      const cursor = client.query(new Cursor('SELECT nonsense'))
      expect(await failureOf(() => cursor.read(1))).toMatchObject({ code: '42703' })
      client.release()
      await on.expectNothingWrong()
    })

    it('is told when the client is released with it open', async () => {
      const client = await on.pool.connect()
      const cursor = client.query(new Cursor(numbers(100)))
      await cursor.read(3)
      client.release()
      await on.expectBusyRelease(/cursor or query stream/)
    })
  })

  describe('pg-query-stream', () => {
    it("is no leak when released at its 'end'", async () => {
      const client = await on.pool.connect()
      const stream = client.query(new QueryStream(numbers(250)))
      stream.on('end', () => client.release())
      expect(await stream.toArray()).toHaveLength(250)
      await on.expectNothingWrong()
    })

    it.each(['direct', 'through packets of their own'])(
      'is no leak when destroyed early and released at once, %s',
      async (way) => {
        if (way !== 'direct') on.splitPackets()
        const client = await on.pool.connect()
        const stream = client.query(new QueryStream(numbers(1000), [], { batchSize: 10 }))
        await once(stream, 'data')
        stream.destroy()
        client.release()
        await on.expectNothingWrong()
      },
    )

    it('is no leak when a for await loop is left with break', async () => {
      const client = await on.pool.connect()
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
      await on.expectNothingWrong()
    })

    it('is no idle transaction while a slow consumer reads it', async () => {
      const client = await on.pool.connect()
      await client.query('BEGIN')
      let rows = 0
      for await (const _ of client.query(new QueryStream(numbers(60), [], { batchSize: 20 }))) {
        rows += 1
        if (rows === 30) on.guarded.clock.advance(pastIdleLimit)
      }
      await client.query('COMMIT')
      client.release()
      expect(rows).toBe(60)
      await on.expectNothingWrong()
    })

    it('is told when the client is released with it open', async () => {
      const client = await on.pool.connect()
      const stream = client.query(new QueryStream(endless, [], { batchSize: 10 }))
      await once(stream, 'readable')
      client.release()
      stream.on('error', () => {})
      await on.expectBusyRelease(/cursor or query stream/)
    })

    // Before 8.12 the driver forgets the callback that on.pool.query gives it, and with it the client.
    it.runIf(version !== '8.11')(
      'given to pool.query gives its client back at the end or when destroyed',
      async () => {
        const whole = new QueryStream(numbers(60), [], { batchSize: 20 })
        queryPool(on.pool, whole)
        let rows = 0
        for await (const _ of whole) {
          rows += 1
          if (rows === 30) on.guarded.clock.advance(pastIdleLimit)
        }
        expect(rows).toBe(60)
        const partial = new QueryStream(numbers(1000), [], { batchSize: 10 })
        queryPool(on.pool, partial)
        await once(partial, 'data')
        partial.destroy()
        await on.expectNothingWrong()
      },
    )

    it.runIf(version === '8.11')(
      'given to pool.query holds its client for ever, and is told with its line',
      async () => {
        const stream = new QueryStream(numbers(30))
        queryPool(on.pool, stream)
        expect(await stream.toArray()).toHaveLength(30)
        on.expectHeldByPoolQuery()
      },
    )
  })
})
