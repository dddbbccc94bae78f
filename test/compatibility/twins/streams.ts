import { once } from 'node:events'
import { PassThrough, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import QueryStream from 'pg-query-stream'
import { Cursor } from '../../support/pg-cursor.ts'
import { one, type Twin, withClient } from './twin.ts'

const numbers = 'SELECT n FROM generate_series(1, 5000) AS n'

async function collect(chunks: AsyncIterable<unknown>, most = Number.POSITIVE_INFINITY): Promise<number> {
  let count = 0
  for await (const _chunk of chunks) {
    count += 1
    if (count === most) break
  }
  return count
}

/** Cursors, query streams and COPY. */
export const streams: readonly Twin[] = [
  {
    name: 'a cursor that is open at the release',
    leak: 'busy-release',
    wrong: ({ pool }) => withClient(pool, (client) => client.query(new Cursor(numbers)).read(10)),
    right: ({ pool }) =>
      withClient(pool, async (client) => {
        const cursor = client.query(new Cursor(numbers))
        const rows = await cursor.read(10)
        await cursor.close()
        return rows
      }),
  },
  {
    name: 'a query stream that nobody reads to its end',
    leak: 'busy-release',
    wrong: ({ pool }) =>
      withClient(pool, async (client) => {
        await once(
          client.query(new QueryStream(numbers)).on('error', () => {}),
          'data',
        )
      }),
    right: ({ pool }) =>
      withClient(pool, async (client) => collect(client.query(new QueryStream(numbers)), 100)),
  },
  {
    name: 'a COPY stream in pool.query',
    leak: 'long-hold',
    async wrong({ pool, pass }) {
      const stream = copyTo(`COPY (${numbers}) TO STDOUT`)
      void Promise.resolve<unknown>(pool.query(stream)).catch(() => {})
      await collect(stream)
      await pass(31_000)
    },
    async right({ pool, pass }) {
      const chunks = await withClient(pool, async (client) => {
        const stream = client.query(copyTo(`COPY (${numbers}) TO STDOUT`))
        return (await stream.toArray()).join('').length
      })
      await pass(31_000)
      return chunks
    },
  },
  {
    name: 'an answer that is aborted while it is sent',
    leak: 'outlived-scope',
    wrong: ({ pool, request }) =>
      request(async () => {
        const client = await pool.connect()
        const stream = client.query(new QueryStream(numbers)).on('error', () => {})
        const response = new PassThrough({ objectMode: true })
        stream.pipe(response)
        stream.on('end', () => client.release())
        response.destroy()
      }),
    right: ({ pool, request }) =>
      request(() =>
        withClient(pool, async (client) => {
          const response = new PassThrough({ objectMode: true })
          const sending = pipeline(client.query(new QueryStream(numbers)), response)
          response.destroy()
          return await sending.then(
            () => 'sent',
            (error) => (error as { code: unknown }).code,
          )
        }),
      ),
  },
  {
    name: 'a COPY FROM whose source fails',
    leak: 'outlived-scope',
    wrong: ({ pool, request }) =>
      request(async () => {
        const client = await pool.connect()
        const stream = client.query(copyFrom('COPY items (note) FROM STDIN'))
        failing()
          .on('error', () => {})
          .pipe(stream)
        stream.on('finish', () => client.release())
      }),
    right: ({ pool, request }) =>
      request(() =>
        withClient(pool, async (client) => {
          const stream = client.query(copyFrom('COPY items (note) FROM STDIN'))
          return await pipeline(failing(), stream).then(
            () => 'copied',
            (error: Error) => error.message,
          )
        }),
      ),
  },
  {
    name: 'a stream that is read slowly',
    leak: 'long-hold',
    async wrong({ pool, pass }) {
      const client = await pool.connect()
      client.query(new QueryStream(numbers)).on('error', () => {})
      await pass(31_000)
    },
    right: ({ pool, pass }) =>
      withClient(pool, async (client) => {
        let sum = 0
        const slow = new Writable({
          objectMode: true,
          write({ n }: { n: number }, _encoding, done) {
            sum += n
            if (n % 1000 === 0) void pass(1_000).then(() => done())
            else done()
          },
        })
        await pipeline(client.query(new QueryStream(numbers)), slow)
        return sum
      }),
  },
  {
    name: 'a generator that is left early',
    leak: 'outlived-scope',
    wrong: ({ pool, request }) =>
      request(async () => {
        const rows = (async function* () {
          const client = await pool.connect()
          yield* client.query(new QueryStream(numbers))
          client.release()
        })()
        return await rows.next()
      }),
    right: ({ pool, request }) =>
      request(async () => {
        const rows = (async function* () {
          const client = await pool.connect()
          try {
            yield* client.query(new QueryStream(numbers))
          } finally {
            client.release()
          }
        })()
        const read = await collect(rows, 10)
        return [read, await one(pool)]
      }),
  },
]

function failing(): Readable {
  return Readable.from(
    (function* () {
      yield 'a\n'
      throw new Error('the source failed')
    })(),
  )
}
