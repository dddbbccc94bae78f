import fastifyExpress from '@fastify/express'
import fastifyPostgres from '@fastify/postgres'
import { type FastifyInstance, type FastifyPluginAsync, fastify } from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { lifeguardMiddleware } from '../../../../src/http/express.ts'
import { lifeguardPlugin } from '../../../../src/http/fastify.ts'
import { createLifeguard, type Lifeguard } from '../../../../src/index.ts'
import { useDatabase } from '../../../support/database.ts'

const db = useDatabase()

describe('a request to Fastify', () => {
  /** Each registers what a service has, in another order. */
  const orders: Record<string, (app: FastifyInstance, lifeguard: Lifeguard) => Promise<unknown>> = {
    'the pool, then the scopes': async (app, lifeguard) => {
      await app.register(fastifyPostgres, db.config)
      lifeguard.watch(app.pg)
      await app.register(lifeguardPlugin, { lifeguard })
      await app.register(routesOf(lifeguard), { prefix: '/v1' })
    },
    'the scopes, then the pool': async (app, lifeguard) => {
      await app.register(lifeguardPlugin, { lifeguard })
      await app.register(fastifyPostgres, db.config)
      await app.register(routesOf(lifeguard), { prefix: '/v1' })
      lifeguard.watch(app.pg)
    },
    'all of it in a plugin of its own': async (app, lifeguard) => {
      await app.register(async (inner) => {
        await inner.register(lifeguardPlugin, { lifeguard })
        await inner.register(fastifyPostgres, db.config)
        lifeguard.watch(inner.pg)
        await inner.register(routesOf(lifeguard), { prefix: '/v1' })
      })
    },
    'an Express stack before the scopes': async (app, lifeguard) => {
      await app.register(fastifyExpress)
      app.use((_request, _response, next) => setImmediate(next))
      await app.register(lifeguardPlugin, { lifeguard })
      await app.register(fastifyPostgres, db.config)
      lifeguard.watch(app.pg)
      await app.register(routesOf(lifeguard), { prefix: '/v1' })
    },
    'an Express stack behind the scopes': async (app, lifeguard) => {
      await app.register(lifeguardPlugin, { lifeguard })
      await app.register(fastifyExpress)
      app.use((_request, _response, next) => setImmediate(next))
      await app.register(fastifyPostgres, db.config)
      lifeguard.watch(app.pg)
      await app.register(routesOf(lifeguard), { prefix: '/v1' })
    },
    'an Express stack that gives requests a proxy': async (app, lifeguard) => {
      await app.register(lifeguardPlugin, { lifeguard })
      await app.register(fastifyExpress, { createProxyHandler: () => ({}) })
      app.use((_request, _response, next) => next())
      await app.register(fastifyPostgres, db.config)
      lifeguard.watch(app.pg)
      await app.register(routesOf(lifeguard), { prefix: '/v1' })
    },
    'an Express stack with its own middleware, too': async (app, lifeguard) => {
      await app.register(lifeguardPlugin, { lifeguard })
      await app.register(fastifyExpress)
      app.use(lifeguardMiddleware(lifeguard))
      await app.register(fastifyPostgres, db.config)
      lifeguard.watch(app.pg)
      await app.register(routesOf(lifeguard), { prefix: '/v1' })
    },
  }

  it.each(Object.keys(orders))('has its route and its scope: %s', async (order) => {
    const lifeguard = createLifeguard({ reporters: [] })
    const app = fastify()
    onTestFinished(async () => {
      await app.close()
      await lifeguard.close()
    })
    await orders[order]?.(app, lifeguard)
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => (await fetch(`${url}/v1/orders/${index}`)).json()),
    )
    expect(answers).toEqual(
      Array.from({ length: 20 }, () => ({ name: 'GET /v1/orders/:id', held: ['GET /v1/orders/:id'] })),
    )
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })
})

function routesOf(lifeguard: Lifeguard): FastifyPluginAsync {
  return async (app) => {
    app.get('/orders/:id', async () => {
      const client = await app.pg.connect()
      await client.query('SELECT 1')
      const scope = lifeguard.currentScope()
      const held = scope?.sessions().map((session) => session.scope?.name)
      client.release()
      return { name: scope?.describe().name, held }
    })
  }
}
