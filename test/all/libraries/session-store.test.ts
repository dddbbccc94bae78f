import { once } from 'node:events'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import express, { type Request, type RequestHandler } from 'express'
import pg from 'pg'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { lifeguardMiddleware } from '../../../src/http/express.ts'
import { createLifeguard, type Finding, manualClock } from '../../../src/index.ts'
import { abandonAfterTest, modes } from '../../support/bare-twin.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { hereLine } from '../../support/guarded-pool.ts'

const db = useDatabase()
beforeEach(() => db.query('DROP TABLE IF EXISTS session'))

/** Both packages, with the types that they lack. */
interface Store {
  pruneSessions(done: () => void): void
  close(): Promise<void>
}
type StoreClass = new (options: { pool: pg.Pool; createTableIfMissing: boolean }) => Store
type Session = (options: object) => RequestHandler
interface SessionData {
  visits?: number
  save(done: (error?: unknown) => void): void
}
const require = createRequire(import.meta.url)
const session: Session = require('express-session')
const connectPgSimple: (of: Session) => StoreClass = require('connect-pg-simple')
const sessionOf = (request: Request) => (request as unknown as { session: SessionData }).session

describe.each(modes)('connect-pg-simple in %s', (mode) => {
  async function service(max: number) {
    const clock = manualClock()
    const lifeguard = createLifeguard({ clock, mode, reporters: [] })
    const findings: Finding[] = []
    lifeguard.on('finding', (finding) => findings.push(finding))
    const pool = abandonAfterTest(new pg.Pool({ ...db.config, max }))
    lifeguard.watch(pool, { name: 'main' })
    const Store = connectPgSimple(session)
    const store = new Store({ pool, createTableIfMissing: true })
    const app = express()
    app.use(lifeguardMiddleware(lifeguard))
    app.use(session({ store, secret: 'of the tests', resave: true, saveUninitialized: true }))
    app.get('/visits/:id', (request, response) => {
      const data = sessionOf(request)
      data.visits = (data.visits ?? 0) + 1
      response.json({ visits: data.visits, name: lifeguard.currentScope()?.describe().name })
    })
    const line = hereLine(3)
    app.get('/nested/:id', async (request, response) => {
      // The only client, while the session is saved at the end of the answer.
      const client = await pool.connect()
      try {
        await client.query('SELECT 1')
        await new Promise<void>((resolve, reject) => {
          sessionOf(request).save((error) => (error ? reject(error) : resolve()))
        })
        response.json('answered')
      } finally {
        client.release()
      }
    })
    const server: Server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(async () => {
      server.close()
      server.closeAllConnections()
      await lifeguard.close()
      await store.close()
      void pool.end()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return { url, pool, store, clock, lifeguard, findings, line }
  }

  it('its queries and its pruning give no finding, and requests keep their scope', async () => {
    const { url, store, clock, lifeguard, findings } = await service(2)
    await fetch(`${url}/visits/1`)
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => (await fetch(`${url}/visits/${index}`)).json()),
    )
    expect(answers).toEqual(Array(20).fill({ visits: 1, name: 'GET /visits/:id' }))
    await new Promise<void>((resolve) => store.pruneSessions(() => resolve()))
    await eventually(() => expect(lifeguard.snapshot().checkouts).toEqual([]))
    clock.advance(60_000)
    expect(findings).toEqual([])
    expect((await db.query('SELECT * FROM session')).rows).toHaveLength(21)
  })

  it('a session that is saved while its request holds the only client is found, with the holder', async () => {
    const { url, clock, findings, line } = await service(1)
    // To its end: the session is saved, and its table made, before.
    await (await fetch(`${url}/visits/1`)).text()
    const abort = new AbortController()
    const answer = fetch(`${url}/nested/1`, { signal: abort.signal }).catch(() => {})
    const finding = await eventually(() => {
      clock.advance(200)
      const found = findings.find(({ kind }) => kind === 'pool-deadlock')
      if (found === undefined) throw new Error('nothing is found yet')
      return found
    })
    expect(finding).toMatchObject({
      scope: { kind: 'request', name: 'GET /nested/:id' },
      holders: [{ origin: { file: import.meta.filename, line } }],
    })
    abort.abort()
    await answer
  })
})
