/**
 * The service of the story, as one finds them: an Express application over a node-postgres pool, and a lifeguard who
 * watches the pool. `GET /datasets/:id` has the bug; `GET /v2/datasets/:id` is the same route done right.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import express, { type Express } from 'express'
import pg from 'pg'
import { createLifeguard, type Lifeguard } from 'pg-lifeguard'

export interface ServiceOptions {
  readonly databaseUrl: string
  readonly mode: 'observe' | 'enforce'
  /** Short, so that nobody has to wait; the default of 10 s suits most services. */
  readonly idleTransactionMillis: number
}

export interface Service extends AsyncDisposable {
  /** Such as `http://127.0.0.1:41234`. */
  readonly url: string
  readonly pool: pg.Pool
  readonly lifeguard: Lifeguard
}

export async function startService(options: ServiceOptions): Promise<Service> {
  const { databaseUrl, mode, idleTransactionMillis } = options
  const pool = new pg.Pool({ connectionString: databaseUrl, application_name: 'datasets-api', max: 4 })
  // The pool replaces an idle connection that is lost; without a listener its loss would end the process.
  pool.on('error', (error) => console.error(`an idle connection was lost: ${error.message}`))

  const lifeguard = createLifeguard({ mode, limits: { idleTransactionMillis } })
  lifeguard.watch(pool, { name: 'main' })

  const server = datasetRoutes(pool, lifeguard).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pool,
    lifeguard,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      // A client that nobody releases would keep end() waiting for ever.
      await Promise.race([pool.end(), pause(5_000, undefined, { ref: false })])
      await lifeguard.close()
    },
  }
}

export function datasetRoutes(pool: pg.Pool, lifeguard: Lifeguard): Express {
  const app = express()

  app.get('/datasets/:id', async (request, response) => {
    const client = await pool.connect()
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const dataset = await client.query('SELECT id, name FROM datasets WHERE id = $1', [request.params.id])
    if (dataset.rowCount === 0) {
      // The bug: the answer is right, but nobody ends the transaction and nobody releases the client.
      response.status(404).json({ error: 'no such dataset' })
      return
    }
    const runs = await client.query('SELECT id, score FROM runs WHERE dataset_id = $1', [request.params.id])
    await client.query('COMMIT')
    client.release()
    response.json({ ...dataset.rows[0], runs: runs.rows })
  })

  app.get('/v2/datasets/:id', async (request, response) => {
    const { id } = request.params
    const found = await lifeguard.transaction(
      pool,
      async (client) => {
        const dataset = await client.query('SELECT id, name FROM datasets WHERE id = $1', [id])
        if (dataset.rowCount === 0) return undefined
        const runs = await client.query('SELECT id, score FROM runs WHERE dataset_id = $1', [id])
        return { ...dataset.rows[0], runs: runs.rows }
      },
      { isolation: 'repeatable read', readOnly: true },
    )
    if (found === undefined) response.status(404).json({ error: 'no such dataset' })
    else response.json(found)
  })

  return app
}
