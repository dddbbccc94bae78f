/**
 * The service under fire: Express on a pool of ten, with correct routes that take the traffic and, where it is guarded, one
 * route for each kind of leak. Started by `run.ts` as a child process, bare or guarded.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import express, { type NextFunction, type Request, type Response } from 'express'
import pg from 'pg'
import { createLifeguard, findingKinds, type Lifeguard } from 'pg-lifeguard'
import { lifeguardMiddleware } from 'pg-lifeguard/express'
import { leaks, noteBroken, type Pools } from './leaks.ts'
import {
  limits,
  type Mode,
  mainPoolMax,
  type Order,
  type Report,
  type Sample,
  type Slots,
} from './protocol.ts'
import { addTraffic } from './traffic.ts'

const [mode, databaseUrl] = process.argv.slice(2) as [Mode, string]
const enforces = mode === 'enforce'
const guards = mode !== 'bare'

const report = (message: Report) => process.send?.(message)
process.on('uncaughtException', (error) => report({ type: 'crash', message: String(error.stack) }))
process.on('unhandledRejection', (reason) => report({ type: 'crash', message: `unhandled: ${reason}` }))
process.on('disconnect', () => process.exit(1))

function makePool(max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString: databaseUrl, max, idleTimeoutMillis: 60_000 })
  pool.on('error', () => {})
  pool.on('connect', (client) => {
    client.on('error', () => noteBroken(client as pg.PoolClient))
    client.once('end', () => noteBroken(client as pg.PoolClient))
  })
  return pool
}

const pools: Pools = { main: makePool(mainPoolMax), side: makePool(1), tiny: makePool(2) }
const app = express()
const lifeguard = guards ? guard() : undefined
addTraffic(app, pools.main)
if (lifeguard !== undefined) addLeaks(lifeguard)
app.use(
  (error: { code?: string; message: string }, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error)
    response.status(503).json({ error: error.code ?? error.message })
  },
)

function guard(): Lifeguard {
  const lifeguard = createLifeguard({
    mode: enforces ? 'enforce' : 'observe',
    limits,
    remedies: enforces ? { 'pool-deadlock': 'reject' } : {},
    reporters: [],
  })
  for (const [name, pool] of Object.entries(pools)) lifeguard.watch(pool, { name })
  for (const type of ['finding', 'remedied', 'resolved'] as const) {
    lifeguard.on(type, (finding) => report({ type, finding }))
  }
  app.use(lifeguardMiddleware(lifeguard))
  return lifeguard
}

const heals = new Map<string, () => void>()

function addLeaks(lifeguard: Lifeguard): void {
  for (const kind of findingKinds) {
    app.post(`/leaks/${kind}`, async (request, response) => {
      const id = String(request.headers['x-request-id'])
      const healed = new Promise<void>((resolve) =>
        heals.set(id, () => {
          heals.delete(id)
          resolve()
        }),
      )
      const made = (...clients: readonly pg.PoolClient[]) => {
        const { processID: pid } = (clients[0] ?? {}) as { processID?: number }
        const lost = () => report({ type: 'lost', id })
        for (const client of clients) client.once('end', lost)
        void healed.then(() => {
          for (const client of clients) client.off('end', lost)
        })
        report({ type: 'made', id, pid })
        return healed
      }
      try {
        await leaks[kind]({
          id,
          pools,
          lifeguard,
          databaseUrl,
          enforces,
          made,
          makeAndLeave(client, heal) {
            void made(client)
              .then(heal)
              .then(() => report({ type: 'healed', id }))
            response.status(404).json({ error: 'not found' })
          },
          expect(fact, otherwise) {
            if (!fact) report({ type: 'crash', message: `${kind} ${id}: ${otherwise} was not refused` })
          },
        })
      } catch (error) {
        report({ type: 'failed', id, reason: String(error) })
      }
      if (response.headersSent) return
      heals.delete(id)
      report({ type: 'healed', id })
      response.status(200).json({ id })
    })
  }
}

const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()

function sample(): Sample {
  const delayP50Millis = delay.percentile(50) / 1e6 - 10
  const delayP99Millis = delay.percentile(99) / 1e6 - 10
  globalThis.gc?.()
  globalThis.gc?.()
  const heapBytes = process.memoryUsage().heapUsed
  delay.reset()
  return { heapBytes, delayP50Millis, delayP99Millis }
}

/** Takes as many clients as the pool may have, all at the same time. */
async function countSlots(name: string, pool: pg.Pool): Promise<Slots> {
  const max = pool.options.max
  const taken: pg.PoolClient[] = []
  let isOver = false
  const acquire = async () => {
    const client = await pool.connect()
    if (isOver) client.release()
    else taken.push(client)
  }
  const all = Promise.all(Array.from({ length: max }, acquire)).catch(() => {})
  const patience = new Promise((resolve) => setTimeout(resolve, 20_000).unref())
  await Promise.race([all, patience])
  isOver = true
  const slots = { pool: name, max, usable: taken.length, waiting: pool.waitingCount }
  for (const client of taken) client.release()
  return slots
}

process.on('message', async (order: Order) => {
  switch (order.type) {
    case 'heal':
      return heals.get(order.id)?.()
    case 'stall': {
      const end = performance.now() + order.millis
      while (performance.now() < end);
      return
    }
    case 'sample':
      return report({ type: 'sample', sample: sample() })
    case 'drain':
      for (const [name, pool] of Object.entries(pools)) {
        report({ type: 'drained', slots: await countSlots(name, pool) })
      }
      return
    case 'end':
      await lifeguard?.close()
      process.exit(0)
  }
})

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
report({ type: 'ready', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
