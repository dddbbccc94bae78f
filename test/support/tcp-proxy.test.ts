import { once } from 'node:events'
import pg from 'pg'
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest'
import { useDatabase } from './database.ts'
import { eventually } from './eventually.ts'
import { startProxy, type TcpProxy } from './tcp-proxy.ts'

const db = useDatabase()

let proxy: TcpProxy
beforeEach(async () => {
  proxy = await startProxy(db.config.port, db.config.host)
})
afterEach(() => proxy.close())

it('passes everything on, also much at once, and in order', async () => {
  const client = await connect()
  expect(proxy.connections()).toBe(1)
  const { rows } = await client.query(
    "SELECT n, repeat('x', 1000) AS filler FROM generate_series(1, 20000) n",
  )
  expect(rows.length).toBe(20_000)
  expect(rows.every(({ n, filler }, index) => n === index + 1 && filler.length === 1000)).toBe(true)
  const text = 'y'.repeat(5_000_000)
  expect((await client.query('SELECT length($1) AS length', [text])).rows).toEqual([{ length: text.length }])

  await client.end()
  await eventually(() => expect(proxy.connections()).toBe(0))
  await eventually(async () => expect(await db.sessions()).toEqual([]))
})

it('cuts connections on both sides, and serves new ones', async () => {
  const client = await connect()
  const ended = new Promise<void>((resolve) => client.once('end', resolve))
  const query = expect(client.query('SELECT pg_sleep(600)')).rejects.toThrow(
    'Connection terminated unexpectedly',
  )
  proxy.cut()
  await query
  await ended
  await eventually(() => expect(proxy.connections()).toBe(0))

  const next = await connect()
  expect((await next.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
})

it('resets connections', async () => {
  const client = await connect()
  const query = expect(client.query('SELECT pg_sleep(600)')).rejects.toMatchObject({ code: 'ECONNRESET' })
  proxy.reset()
  await query
})

it('refuses when there is no server', async () => {
  const nowhere = await startProxy(1)
  onTestFinished(nowhere.close)
  await expect(new pg.Client(nowhere.url(db.url)).connect()).rejects.toThrow()
})

it('freezes both directions, and loses nothing', async () => {
  const client = await connect()
  const log: string[] = []
  proxy.freeze()
  const insert = client.query("INSERT INTO items (note) VALUES ('frozen')").then(() => log.push('answered'))
  await roundTrips()
  expect(await notes()).not.toContain('frozen')
  expect(log).toEqual([])

  proxy.thaw()
  await insert
  expect(await notes()).toContain('frozen')
})

it('keeps the end of a connection to itself while frozen', async () => {
  const client = await connect()
  const pid = await pidOf(client)
  proxy.freeze()
  const ended = client.end()
  await roundTrips()
  expect((await db.sessions()).map((session) => session.pid)).toContain(pid)

  proxy.thaw()
  await ended
  await eventually(async () => expect((await db.sessions()).map((session) => session.pid)).not.toContain(pid))
})

it('freezes the way to the server alone', async () => {
  const client = await connect()
  await client.query('LISTEN weather')
  proxy.freezeToServer()
  const insert = client.query("INSERT INTO items (note) VALUES ('to server')")
  const notified = once(client, 'notification')
  await db.query("NOTIFY weather, 'rain'")
  expect(await notified).toMatchObject([{ payload: 'rain' }])
  expect(await notes()).not.toContain('to server')

  proxy.thaw()
  await insert
  expect(await notes()).toContain('to server')
})

it('freezes the way to the client alone', async () => {
  const client = await connect()
  const log: string[] = []
  proxy.freezeToClient()
  const insert = client
    .query("INSERT INTO items (note) VALUES ('to client')")
    .then(() => log.push('answered'))
  await eventually(async () => expect(await notes()).toContain('to client'))
  await roundTrips()
  expect(log).toEqual([])

  proxy.thaw()
  await insert
})

it('delays what the server says, without slowing it down further', async () => {
  const client = await connect()
  proxy.delayResponses(300)
  const start = performance.now()
  const { rows } = await client.query("SELECT n, repeat('x', 1000) FROM generate_series(1, 2000) n")
  const millis = performance.now() - start
  expect(rows.map(({ n }) => n)).toEqual(rows.map((_, index) => index + 1))
  expect(millis).toBeGreaterThanOrEqual(299)
  // Two megabytes come in some thirty chunks: one delay after the other would take ten seconds.
  expect(millis).toBeLessThan(6_000)

  proxy.delayResponses(3_600_000)
  proxy.delayResponses(0)
  expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
})

it('delivers the messages of the server one by one', async () => {
  const client = await connect()
  const chunks: string[] = []
  client.connection.stream.on('data', (chunk: Buffer) => chunks.push(typesIn(chunk)))

  await client.query('SELECT 1')
  expect(chunks).toEqual(['TDCZ'])

  chunks.length = 0
  proxy.splitPackets()
  await client.query('SELECT 1')
  expect(chunks).toEqual(['T', 'D', 'C', 'Z'])

  chunks.length = 0
  const readyForQuery = once(client.connection, 'readyForQuery')
  await expect(client.query('SELECT nonsense')).rejects.toThrow('nonsense')
  expect(chunks).toEqual(['E'])
  await readyForQuery
  expect(chunks).toEqual(['E', 'Z'])

  chunks.length = 0
  proxy.splitPackets(false)
  await client.query('SELECT 1')
  expect(chunks).toEqual(['TDCZ'])
})

async function connect(): Promise<pg.Client> {
  const client = new pg.Client(proxy.url(db.url))
  client.on('error', () => {})
  await client.connect()
  return client
}

async function pidOf(client: pg.Client): Promise<number> {
  return (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
}

async function notes(): Promise<string[]> {
  return (await db.query('SELECT note FROM items')).rows.map(({ note }) => note)
}

/** Time enough for bytes that were not held back: each trip takes them through the event loop and the server. */
async function roundTrips(): Promise<void> {
  for (let trip = 0; trip < 20; trip += 1) await db.query('SELECT 1')
}

function typesIn(chunk: Buffer): string {
  let types = ''
  for (let at = 0; at < chunk.length; at += 1 + chunk.readInt32BE(at + 1))
    types += String.fromCharCode(chunk[at] ?? 0)
  return types
}
