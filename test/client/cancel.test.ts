import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { cancelRunning } from '../../src/client/cancel.ts'
import type { Client } from '../../src/client/types.ts'
import { manualClock, systemClock } from '../../src/core/time/clock.ts'
import { failureOf } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

const db = useDatabase()
const sleeping = "SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'"

async function connected() {
  const client = new pg.Client(db.config)
  await client.connect()
  onTestFinished(() => client.end())
  return client as pg.Client & { processID: number }
}

describe('a cancel request', () => {
  it('ends what the session is running, and the session goes on', async () => {
    const client = await connected()
    const running = failureOf(() => client.query('SELECT pg_sleep(60)'))
    await eventually(async () => expect((await db.query(sleeping, [client.processID])).rows).toHaveLength(1))
    await cancelRunning(client as unknown as Client, undefined, systemClock)
    expect(await running).toMatchObject({ code: '57014' })
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  it('into a black hole is closed when its time is up, so that it keeps no process alive', async () => {
    const sockets: Socket[] = []
    const hole = createServer((socket) => sockets.push(socket.resume())).listen(0, '127.0.0.1')
    await once(hole, 'listening')
    onTestFinished(() => void hole.close())
    const client = await connected()
    const { port } = hole.address() as { port: number }
    const clock = manualClock()
    const lost = Object.create(client, { host: { value: '127.0.0.1' }, port: { value: port } })
    const cancelling = failureOf(() => cancelRunning(lost as Client, undefined, clock))
    await eventually(() => expect(sockets).toHaveLength(1))
    const closed = once(sockets[0] as Socket, 'close')
    clock.advance(1_000)
    expect((await cancelling).message).toContain('1 s')
    await closed
  })
})
