import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Pool as NeonPool } from '@neondatabase/serverless'
import { Hono } from 'hono'
import Koa from 'koa'
import { Pool as PostgresPool } from 'postgres-pool'
import { describe, expect, it, onTestFinished } from 'vitest'
import { withRequestScope } from '../../../src/http/node.ts'
import { createLifeguard, type Finding, manualClock, type Watchable } from '../../../src/index.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { hereLine } from '../../support/guarded-pool.ts'
import { useNeonProxy } from './support/websocket-proxy.ts'

const db = useDatabase()
useNeonProxy()

interface Client {
  query(text: string): Promise<unknown>
  release(): unknown
  on(event: 'error', listener: () => void): unknown
}
type Pool = Watchable & {
  connect(): Promise<Client>
  end(): Promise<unknown>
  on(event: 'error', listener: () => void): unknown
}

const pools: Record<string, () => Pool> = {
  Neon: () => new NeonPool({ ...db.config, max: 2 }) as unknown as Pool,
  'postgres-pool': () => new PostgresPool({ ...db.config, poolSize: 2 }) as unknown as Pool,
}

/** A service with one answer to every request, given by `work`. */
const services: Record<string, (work: (path: string) => Promise<void>) => RequestListener> = {
  'node:http': (work) => async (request, response) => {
    await work(request.url ?? '')
    response.end('answered')
  },
  Koa(work) {
    const app = new Koa()
    app.use(async (context) => {
      await work(context.path)
      context.body = 'answered'
    })
    const callback = app.callback()
    return (request, response) => void callback(request, response)
  },
  Hono(work) {
    const app = new Hono()
    app.get('*', async (context) => {
      await work(context.req.path)
      return context.text('answered')
    })
    const listener = getRequestListener(app.fetch)
    return (request, response) => void listener(request, response)
  },
}

const combinations = Object.keys(services).flatMap((service) =>
  Object.keys(pools).map((pool) => ({ service, pool })),
)

describe.each(combinations)('$service over $pool', ({ service, pool: kind }) => {
  async function start() {
    const clock = manualClock()
    const lifeguard = createLifeguard({ clock, mode: 'enforce', reporters: [] })
    const findings: Finding[] = []
    lifeguard.on('finding', (finding) => findings.push(finding))
    const pool = pools[kind]?.() as Pool
    pool.on('error', () => {})
    lifeguard.watch(pool, { name: 'main' })
    const line = hereLine(2)
    const work = async (path: string) => {
      const client = await pool.connect()
      await client.query('BEGIN')
      if (path.startsWith('/leak')) {
        client.on('error', () => {})
        return
      }
      await client.query('COMMIT')
      await client.release()
    }
    const listener = services[service]?.(work) as RequestListener
    const server = createServer(withRequestScope(lifeguard, listener))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(async () => {
      server.close()
      server.closeAllConnections()
      await lifeguard.close()
      void pool.end()
      for (const { pid } of await db.sessions()) await db.terminate(pid)
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const ask = async (path: string) => (await fetch(url + path)).text()
    return { clock, lifeguard, findings, line, ask }
  }

  it('is silent at correct use', async () => {
    const { clock, lifeguard, findings, ask } = await start()
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(`/right/${index}`)))
    expect(answers).toEqual(Array(20).fill('answered'))
    await eventually(() => expect(lifeguard.snapshot().checkouts).toEqual([]))
    clock.advance(60_000)
    expect(findings).toEqual([])
  })

  it('answers 20 of 20 requests that leak, and names each and the line', async () => {
    const { clock, findings, line, ask } = await start()
    let answered = 0
    const paths = Array.from({ length: 20 }, (_, index) => `/leak/${index}`)
    const all = paths.map((path) => ask(path).then(() => (answered += 1)))
    await eventually(() => {
      clock.advance(500)
      expect(answered).toBe(20)
    })
    await Promise.all(all)
    const outlived = () => findings.filter(({ kind: found }) => found === 'outlived-scope')
    await eventually(() => {
      clock.advance(500)
      expect(outlived()).toHaveLength(20)
    })
    expect(
      outlived()
        .map(({ scope }) => scope?.name)
        .toSorted(),
    ).toEqual(paths.map((path) => `GET ${path}`).toSorted())
    expect(new Set(outlived().map(({ origin }) => origin?.line))).toEqual(new Set([line]))
  })
})
