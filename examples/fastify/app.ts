/**
 * A Fastify service with the lifeguard dropped in, and two routes that forget their client: one by an early return, one
 * when the client leaves in the middle of a download. Below `/v2` are the same routes done right.
 */
import type { AddressInfo } from 'node:net'
import { pipeline, Transform } from 'node:stream'
import { fastify } from 'fastify'
import pg from 'pg'
import { createLifeguard, type LifeguardOptions } from 'pg-lifeguard'
import { lifeguardPlugin } from 'pg-lifeguard/fastify'
import QueryStream from 'pg-query-stream'

interface ById {
  Params: { id: string }
}

export async function startService(databaseUrl: string, options: LifeguardOptions, port = 0) {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 })
  pool.on('error', (error) => console.error(`an idle connection was lost: ${error.message}`))
  const lifeguard = createLifeguard(options)
  lifeguard.watch(pool, { name: 'main' })

  const app = fastify()
  // Before the plugins whose routes may ask for a client.
  await app.register(lifeguardPlugin, { lifeguard })

  app.get<ById>('/orders/:id', async (request, reply) => {
    const client = await pool.connect()
    const { rows } = await client.query('SELECT id, total FROM orders WHERE id = $1', [request.params.id])
    // Forgotten: the client.
    if (rows.length === 0) return reply.status(404).send({ error: 'no such order' })
    client.release()
    return rows[0]
  })

  app.get('/orders.csv', async (_request, reply) => {
    const client = await pool.connect()
    const rows = client.query(new QueryStream('SELECT id, total FROM orders'))
    // Forgotten: a stream that nobody reads to its end has no end.
    rows.on('end', () => client.release())
    return reply.type('text/csv').send(rows.pipe(csvLines()))
  })

  app.get<ById>('/v2/orders/:id', async (request, reply) => {
    const { rows } = await pool.query('SELECT id, total FROM orders WHERE id = $1', [request.params.id])
    return rows[0] ?? reply.status(404).send({ error: 'no such order' })
  })

  app.get('/v2/orders.csv', async (_request, reply) => {
    const client = await pool.connect()
    const rows = client.query(new QueryStream('SELECT id, total FROM orders'))
    // Called at the end of the rows, and when Fastify destroys the lines because the client has left.
    const lines = pipeline(rows, csvLines(), () => client.release())
    return reply.type('text/csv').send(lines)
  })

  app.setErrorHandler((error: Error, request, reply) => {
    console.error(error.message, request.lifeguard.describe(), request.lifeguard.sessions())
    return reply.status(500).send({ error: 'internal error' })
  })

  await app.listen({ port, host: '127.0.0.1' })
  return {
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    pool,
    lifeguard,
    async close() {
      app.server.closeAllConnections()
      await app.close()
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
