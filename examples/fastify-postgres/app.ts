/**
 * A Fastify service with `@fastify/postgres`, and the lifeguard dropped in. One route forgets its client, one swallows the
 * error that has failed its transaction. Below `/v2` are the same routes done right.
 */
import fastifyPostgres from '@fastify/postgres'
import { fastify } from 'fastify'
import { createLifeguard, type LifeguardOptions } from 'pg-lifeguard'
import { lifeguardPlugin } from 'pg-lifeguard/fastify'

interface ById {
  Params: { id: string }
}

export async function startService(databaseUrl: string, options: LifeguardOptions) {
  const lifeguard = createLifeguard(options)
  const app = fastify()
  await app.register(lifeguardPlugin, { lifeguard })
  await app.register(fastifyPostgres, { connectionString: databaseUrl, max: 2 })
  app.pg.pool.on('error', (error) => app.log.error(error))
  lifeguard.watch(app.pg, { name: 'main' })
  app.addHook('onClose', () => lifeguard.close())

  app.get<ById>('/orders/:id', async (request, reply) => {
    const client = await app.pg.connect()
    const { rows } = await client.query('SELECT id, total FROM orders WHERE id = $1', [request.params.id])
    // Forgotten: the client.
    if (rows.length === 0) return reply.status(404).send({ error: 'no such order' })
    client.release()
    return rows[0]
  })

  app.post<ById>('/orders/:id', (request) =>
    app.pg.transact(async (client) => {
      await client.query('UPDATE orders SET total = total + 1')
      // Swallowed: COMMIT of a failed transaction is answered by ROLLBACK, and nobody learns of it.
      await client.query('INSERT INTO orders VALUES ($1, 0)', [request.params.id]).catch(() => {})
      return { ordered: request.params.id }
    }),
  )

  app.get<ById>('/v2/orders/:id', async (request, reply) => {
    const { rows } = await app.pg.query('SELECT id, total FROM orders WHERE id = $1', [request.params.id])
    return rows[0] ?? reply.status(404).send({ error: 'no such order' })
  })

  app.post<ById>('/v2/orders/:id', { pg: { transact: true } }, async (request) => {
    const insert = 'INSERT INTO orders VALUES ($1, 0) ON CONFLICT DO NOTHING'
    await request.pg?.query('UPDATE orders SET total = total + 1')
    await request.pg?.query(insert, [request.params.id])
    return { ordered: request.params.id }
  })

  return { app, lifeguard, url: await app.listen({ host: '127.0.0.1', port: 0 }) }
}
