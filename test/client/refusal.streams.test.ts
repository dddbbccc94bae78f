import { once } from 'node:events'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { describe, expect, it } from 'vitest'
import { SessionDestroyedError } from '../../src/index.ts'
import { abandonAfterTest, failureOf, guard } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { Cursor } from '../support/pg-cursor.ts'

const db = useDatabase()

async function held() {
  const pool = abandonAfterTest(new pg.Pool({ ...db.config, max: 1 }))
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

  it('a stream that nobody listens to ends no process', async () => {
    const { client, destroy } = await held()
    const stream = client.query(copyTo(`COPY (${endless}) TO STDOUT`))
    await once(stream, 'readable')
    await destroy()
    await eventually(() => expect(client).toMatchObject({ _ended: true }))
  })
})
