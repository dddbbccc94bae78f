/**
 * An Express service with the lifeguard dropped in, and two routes that forget their client: one by an early return, one
 * when the client leaves in the middle of a download. Below `/v2` are the same routes done right.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import express, { type NextFunction, type Request, type Response } from 'express'
import pg from 'pg'
import { createLifeguard, type LifeguardOptions } from 'pg-lifeguard'
import { lifeguardMiddleware } from 'pg-lifeguard/express'
import QueryStream from 'pg-query-stream'

export async function startService(databaseUrl: string, options: LifeguardOptions, port = 0) {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 })
  pool.on('error', (error) => console.error(`an idle connection was lost: ${error.message}`))
  const lifeguard = createLifeguard(options)
  lifeguard.watch(pool, { name: 'main' })

  const app = express()
  // Before everything that may ask for a client.
  app.use(lifeguardMiddleware(lifeguard))

  app.get('/orders/:id', async (request, response) => {
    const client = await pool.connect()
    const { rows } = await client.query('SELECT id, total FROM orders WHERE id = $1', [request.params.id])
    if (rows.length === 0) {
      // Forgotten: the client.
      response.status(404).json({ error: 'no such order' })
      return
    }
    client.release()
    response.json(rows[0])
  })

  app.get('/orders.csv', async (_request, response) => {
    const client = await pool.connect()
    const rows = client.query(new QueryStream('SELECT id, total FROM orders'))
    // Forgotten: a stream that nobody reads to its end has no end.
    rows.on('end', () => client.release())
    rows.pipe(csvLines()).pipe(response.type('csv'))
  })

  app.get('/v2/orders/:id', async (request, response) => {
    const { rows } = await pool.query('SELECT id, total FROM orders WHERE id = $1', [request.params.id])
    if (rows.length === 0) response.status(404).json({ error: 'no such order' })
    else response.json(rows[0])
  })

  app.get('/v2/orders.csv', async (_request, response) => {
    const client = await pool.connect()
    try {
      const rows = client.query(new QueryStream('SELECT id, total FROM orders'))
      await pipeline(rows, csvLines(), response.type('csv'))
    } catch (error) {
      // The client has left. Whatever else goes wrong, there is nobody to tell.
      if (!response.destroyed) throw error
    } finally {
      client.release()
    }
  })

  app.use((error: Error, request: Request, response: Response, _next: NextFunction) => {
    console.error(error.message, request.lifeguard.describe(), request.lifeguard.sessions())
    response.status(500).json({ error: 'internal error' })
  })

  const server = app.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pool,
    lifeguard,
    async close() {
      server.close()
      server.closeAllConnections()
      await pool.end()
      await lifeguard.close()
    },
  }
}

function csvLines(): Transform {
  return new Transform({
    writableObjectMode: true,
    transform: (row: { id: number; total: string }, _encoding, done) =>
      done(null, `${row.id},${row.total}\n`),
  })
}
