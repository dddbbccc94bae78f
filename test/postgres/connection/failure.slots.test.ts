import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { connectControl, serverSnapshot } from '../../../src/postgres/index.ts'
import { eventually } from '../../support/eventually.ts'
import { startOwnServer } from '../sessions.ts'

async function open(url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  return client
}

describe('a server without a free slot', () => {
  it('is told as such, and lets a superuser in', async () => {
    await using server = await startOwnServer({
      max_connections: '4',
      superuser_reserved_connections: '1',
      max_wal_senders: '0',
    })
    const admin = await open(server.url)
    await admin.query("CREATE ROLE app LOGIN PASSWORD 'hunter22'")
    const url = new URL(server.url)
    Object.assign(url, { username: 'app', password: 'hunter22' })
    const clients = [admin, await open(url.href), await open(url.href)]
    const refused = await connectControl({ url: url.href, env: {} }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ name: 'ConnectionError', reason: '53300' })
    expect((refused as Error).message).toContain('reserved for superusers')
    // The refused session may keep its slot for a moment.
    await using control = await eventually(() => connectControl({ url: server.url, env: {} }))
    expect((await serverSnapshot(control)).sessions.length).toBeGreaterThanOrEqual(3)
    for (const client of clients) await client.end()
  })
})
