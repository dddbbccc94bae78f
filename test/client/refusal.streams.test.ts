import { once } from 'node:events'
import { createRequire } from 'node:module'
import { type Duplex, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import QueryStream from 'pg-query-stream'
import { describe, expect, it } from 'vitest'
import { SessionDestroyedError } from '../../src/index.ts'
import { abandonAfterTest, failureOf, guard } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { Cursor } from '../support/pg-cursor.ts'

/** Its types leave it out. */
const { both: copyBoth } = createRequire(import.meta.url)('pg-copy-streams') as {
  both: (text: string) => Duplex & pg.Submittable
}

const db = useDatabase()

async function held(options: object = {}) {
  const pool = abandonAfterTest(new pg.Pool({ ...db.config, max: 1, ...options }))
  const { clock, findings } = guard(pool, {
    mode: 'enforce',
    remedies: { 'long-hold': 'destroy' },
    limits: { holdMillis: 1_000 },
  })
  const client = await pool.connect()
  const destroy = async () => {
    clock.advance(1_200)
    await eventually(() => expect(findings).toMatchObject([{ kind: 'long-hold', outcome: 'destroyed' }]))
  }
  return { client, destroy }
}

const endless = 'SELECT repeat(n::text, 1000) AS n FROM generate_series(1, 1000000) n'

async function* rows() {
  for (;;) {
    yield 'a note\n'
    await pause(5)
  }
}
const source = () => Readable.from(rows())

/** The server is at a statement with this text. */
async function untilAtWork(text: string): Promise<void> {
  await eventually(async () =>
    expect((await db.sessions()).some(({ query, state }) => state === 'active' && query.includes(text))).toBe(
      true,
    ),
  )
}

describe('on a session that is destroyed', () => {
  it('a cursor that is being read fails with the error of the remedy', async () => {
    const { client, destroy } = await held()
    const cursor = client.query(new Cursor('SELECT pg_sleep(60)'))
    const read = failureOf(() => cursor.read(1))
    await destroy()
    expect(await read).toBeInstanceOf(SessionDestroyedError)
  })

  it.each([
    ['a COPY TO', () => copyTo(`COPY (${endless}) TO STDOUT`)],
    ['a COPY FROM', () => copyFrom('COPY items (note) FROM STDIN')],
  ])('%s fails with the error of the remedy', async (_, open) => {
    const { client, destroy } = await held()
    const stream = client.query(open())
    const failed = once(stream, 'error')
    if ('read' in stream) await once(stream, 'readable')
    await destroy()
    if ('read' in stream) stream.resume()
    expect(await failed).toMatchObject([{ code: 'LIFEGUARD_SESSION_DESTROYED' }])
  })

  it('a COPY that goes both ways fails with the error of the remedy, and is over', async () => {
    const { client, destroy } = await held()
    const stream = client.query(copyBoth('COPY items (note) FROM STDIN'))
    const failed = failureOf(() => once(stream, 'close'))
    await untilAtWork('COPY items')
    await destroy()
    expect(await failed).toBeInstanceOf(SessionDestroyedError)
  })

  it('a query stream that is read fails with the error of the remedy, and its statement is cancelled', async () => {
    const { client, destroy } = await held()
    const stream = client.query(new QueryStream('SELECT pg_sleep(60)'))
    const failed = failureOf(() => stream.toArray())
    await untilAtWork('pg_sleep')
    await destroy()
    expect(await failed).toBeInstanceOf(SessionDestroyedError)
    await eventually(async () => expect(await db.sessions()).toEqual([]))
  })

  it('a query stream that is paused fails with it when it is read again', async () => {
    const { client, destroy } = await held()
    const rows = async () => {
      for await (const _row of client.query(new QueryStream(endless))) {
        await destroy()
      }
    }
    expect(await failureOf(rows)).toBeInstanceOf(SessionDestroyedError)
  })

  it('a query stream that is paused can be destroyed, and its cursor closed', async () => {
    const { client, destroy } = await held()
    const stream = client.query(new QueryStream(endless))
    await once(stream, 'readable')
    await destroy()
    const closed = once(stream, 'close')
    stream.destroy()
    await closed
  })

  it('a cursor that is read only after that fails, and can be closed', async () => {
    const { client, destroy } = await held()
    const cursor = client.query(new Cursor(endless))
    await cursor.read(1)
    await destroy()
    expect(await failureOf(() => cursor.read(1))).toBeInstanceOf(SessionDestroyedError)
    await cursor.close()
  })

  it.each([
    ['from a query stream', () => new QueryStream(endless)],
    ['from a COPY TO', () => copyTo(`COPY (${endless}) TO STDOUT`)],
  ])('a pipeline %s fails with the error of the remedy', async (_, open) => {
    const { client, destroy } = await held()
    const slow = new Writable({
      objectMode: true,
      write: (_chunk, _encoding, done) => setTimeout(done, 5),
    })
    const failed = failureOf(() => pipeline(client.query(open()), slow))
    await untilAtWork('generate_series')
    await destroy()
    expect(await failed).toBeInstanceOf(SessionDestroyedError)
  })

  it('a pipeline to a COPY FROM fails with the error of the remedy', async () => {
    const { client, destroy } = await held()
    const failed = failureOf(() => pipeline(source(), client.query(copyFrom('COPY items (note) FROM STDIN'))))
    await untilAtWork('COPY items')
    await destroy()
    expect(await failed).toBeInstanceOf(SessionDestroyedError)
  })

  it('a COPY FROM that is written on meets no error that ends the process', async () => {
    const { client, destroy } = await held()
    const stream = client.query(copyFrom('COPY items (note) FROM STDIN'))
    stream.write('a\n')
    await untilAtWork('COPY items')
    await destroy()
    await eventually(() => expect(stream.destroyed).toBe(true))
    expect(() => stream.write('b\n')).not.toThrow()
  })

  it('statements in a pipeline that were not answered fail with the error of the remedy', async () => {
    const { client, destroy } = await held({ pipeline: true })
    const failed = failureOf(() => client.query('SELECT pg_sleep(60)'))
    await untilAtWork('pg_sleep')
    await destroy()
    expect(await failed).toBeInstanceOf(SessionDestroyedError)
  })

  it('a COPY FROM that is piped into ends no process, though nobody else listens', async () => {
    const { client, destroy } = await held()
    const stream = source().pipe(client.query(copyFrom('COPY items (note) FROM STDIN')))
    await untilAtWork('COPY items')
    await destroy()
    await eventually(() => expect(stream.destroyed).toBe(true))
  })

  it('a stream that nobody listens to ends no process', async () => {
    const { client, destroy } = await held()
    const stream = client.query(copyTo(`COPY (${endless}) TO STDOUT`))
    await once(stream, 'readable')
    await destroy()
    await eventually(() => expect(client).toMatchObject({ _ended: true }))
  })
})
