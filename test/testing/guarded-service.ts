import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express, { type RequestHandler } from 'express'
import type pg from 'pg'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../src/core/time/clock.ts'
import { lifeguardMiddleware } from '../../src/http/express.ts'
import { type LifeguardHandlerOptions, lifeguardHandler } from '../../src/http/node.ts'
import { createLifeguard } from '../../src/index.ts'
import { deferred } from '../http/deferred.ts'
import type { TestDatabase } from '../support/database.ts'
import { type GuardedPool, guardedPool } from '../support/guarded-pool.ts'

export interface GuardedService {
  readonly guarded: GuardedPool
  /** Of its handler. */
  readonly app: string
  /** Asks for a path, and returns when it is answered. */
  visit(path: string): Promise<void>
  /** Asks for a path, and answers only when `release` is called. */
  hold(path: string): Promise<void>
  release(): void
}

/** A service with Express that leaks on some of its paths. */
export async function guardedService(
  db: TestDatabase,
  options?: LifeguardHandlerOptions,
): Promise<GuardedService> {
  const guarded = guardedPool({ ...db.config, max: 5 }, { clock: systemClock })
  const { pool, lifeguard } = guarded
  const held = deferred()
  const arrived = deferred()

  const app = express()
  const handle = lifeguardHandler(lifeguard, options)
  app.use('/lifeguard', handle)
  app.use(lifeguardMiddleware(lifeguard))
  const route = (path: string, work: (client: pg.PoolClient) => Promise<void> | void) =>
    app.get(path, async (_request, response) => {
      const client = await pool.connect()
      await client.query('SELECT 1')
      await work(client)
      response.end()
    })
  route('/clean', (client) => client.release())
  route('/forgets', () => {})
  route('/listens', (client) => lifeguard.exempt(client, 'LISTEN connection'))
  route('/dirty', async (client) => {
    await client.query('BEGIN')
    client.release()
  })
  route('/late', async (client) => {
    // Answered before it is done.
    void held.promise.then(() => client.release())
    arrived.resolve()
  })
  const served = await serve(app)
  return {
    guarded,
    app: `${served}/lifeguard`,
    async visit(path) {
      await (await fetch(`${served}${path}`)).text()
    },
    async hold(path) {
      void fetch(`${served}${path}`)
      await arrived.promise
    },
    release: held.resolve,
  }
}

/** A service whose lifeguard nobody has given a pool. */
export async function blindService(): Promise<string> {
  const lifeguard = createLifeguard({ reporters: [] })
  onTestFinished(() => lifeguard.close())
  return `${await serve(express().use('/lifeguard', lifeguardHandler(lifeguard)))}/lifeguard`
}

/** Answers below `/lifeguard` with what is given for each page. */
export async function pretendedService(pages: Readonly<Record<string, unknown>>): Promise<string> {
  const answer: RequestHandler = (request, response) => {
    const page = pages[request.path.slice(1)]
    if (page === undefined) response.status(404)
    response.json(page)
  }
  return `${await serve(express().use('/lifeguard', answer))}/lifeguard`
}

async function serve(app: express.Express): Promise<string> {
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
