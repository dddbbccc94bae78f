import { once } from 'node:events'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { beforeAll, describe, expect, it } from 'vitest'
import { extremes, failureOf } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'
import { numbers, usePoolForStreams } from './streamed.ts'

const db = useDatabase()
beforeAll(() => db.query('CREATE TABLE copied (n int)'))

/** More than the sockets' buffers take, so that the server cannot finish unless somebody reads. */
const endless = 'SELECT repeat(n::text, 1000) AS n FROM generate_series(1, 1000000) n'
const pastIdleLimit = 25_000

function queryPool(pool: pg.Pool, submittable: pg.Submittable): void {
  // A promise that is answered only when the test is over and has closed the connection.
  pool.query(submittable as unknown as string).catch(() => {})
}

describe.each(extremes)('pg $version in mode $mode', ({ driver, mode }) => {
  const on = usePoolForStreams(db, import.meta.filename, { driver, mode })

  describe('COPY FROM STDIN', () => {
    const intoTable = () => copyFrom('COPY copied FROM STDIN')

    it('is no leak when its source ends', async () => {
      const client = await on.pool.connect()
      await pipeline(Readable.from(['1\n', '2\n', '3\n']), client.query(intoTable()))
      client.release()
      await on.expectNothingWrong()
    })

    it('is no leak when its source fails', async () => {
      const client = await on.pool.connect()
      async function* failing() {
        yield '1\n'
        throw new Error('the source failed')
      }
      const copying = pipeline(Readable.from(failing()), client.query(intoTable()))
      expect(await failureOf(() => copying.finally(() => client.release()))).toHaveProperty('message')
      await on.expectNothingWrong()
    })

    it('is no leak when its data are wrong and the transaction is rolled back', async () => {
      const client = await on.pool.connect()
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
      await on.expectNothingWrong()
    })

    it('leaves a failed transaction behind when its source fails without ROLLBACK', async () => {
      const client = await on.pool.connect()
      await client.query('BEGIN')
      const copying = pipeline(Readable.from(['not a number\n']), client.query(intoTable()))
      await failureOf(() => copying.finally(() => client.release()))
      await failureOf(() => on.pool.query('SELECT nonsense'))
      expect(on.guarded.kinds()).toEqual(['dirty-release'])
    })

    it('is no idle transaction while its source is slow', async () => {
      const client = await on.pool.connect()
      await client.query('BEGIN')
      async function* slow() {
        yield '1\n'
        on.guarded.clock.advance(pastIdleLimit)
        yield '2\n'
      }
      await pipeline(Readable.from(slow()), client.query(intoTable()))
      await client.query('COMMIT')
      client.release()
      await on.expectNothingWrong()
    })

    it('is told when the client is released while it runs', async () => {
      const client = await on.pool.connect()
      const stream = client.query(intoTable())
      stream.on('error', () => {})
      await new Promise((resolve) => stream.write('1\n', resolve))
      client.release()
      await on.expectBusyRelease(/COPY/)
    })

    it('given to pool.query holds its client for ever, and is told with its line', async () => {
      const stream = intoTable()
      queryPool(on.pool, stream)
      await pipeline(Readable.from(['1\n']), stream)
      on.expectHeldByPoolQuery()
    })
  })

  describe('COPY TO STDOUT', () => {
    const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() })

    it.each(['direct', 'through packets of their own'])(
      'is no leak when read to its end, %s',
      async (way) => {
        if (way !== 'direct') on.splitPackets()
        const client = await on.pool.connect()
        const stream = client.query(copyTo(`COPY (${numbers(100)}) TO STDOUT`))
        await pipeline(stream, nowhere())
        client.release()
        await on.expectNothingWrong()
      },
    )

    it('is no leak when it fails', async () => {
      const client = await on.pool.connect()
      const stream = client.query(copyTo('COPY (SELECT 1/n FROM generate_series(-1, 1) n) TO STDOUT'))
      expect(await failureOf(() => pipeline(stream, nowhere()))).toMatchObject({ code: '22012' })
      client.release()
      await on.expectNothingWrong()
    })

    it('is no idle transaction while it is read slowly', async () => {
      const client = await on.pool.connect()
      await client.query('BEGIN')
      const slow = new Writable({
        write(_chunk, _encoding, done) {
          on.guarded.clock.advance(pastIdleLimit / 25)
          done()
        },
      })
      await pipeline(client.query(copyTo(`COPY (${numbers(10)}) TO STDOUT`)), slow)
      await client.query('COMMIT')
      client.release()
      await on.expectNothingWrong()
    })

    it('is told when the client is released while it runs', async () => {
      const client = await on.pool.connect()
      const stream = client.query(copyTo(`COPY (${endless}) TO STDOUT`))
      stream.on('error', () => {})
      await once(stream, 'readable')
      client.release()
      await on.expectBusyRelease(/COPY/)
    })

    it('given to pool.query holds its client for ever, and is told with its line', async () => {
      const stream = copyTo(`COPY (${numbers(3)}) TO STDOUT`)
      queryPool(on.pool, stream)
      await pipeline(stream, nowhere())
      on.expectHeldByPoolQuery()
    })
  })
})
