import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { fastify as fastify4 } from 'fastify-4'
import { describe, expect, it, onTestFinished } from 'vitest'
import { lifeguardPlugin } from '../../src/http/fastify.ts'
import { type CurrentScope, createLifeguard, type Lifeguard } from '../../src/index.ts'
import { fastifies } from './hosts.ts'

describe.each(Object.entries(fastifies))('%s', (_name, fastify) => {
  const lifeguard = createLifeguard({ reporters: [] })

  async function service() {
    const app = fastify()
    onTestFinished(() => app.close())
    await app.register(lifeguardPlugin, { lifeguard })
    return app
  }

  it('calls a request by the pattern of its route, prefixes of plugins included', async () => {
    const app = await service()
    app.get('/datasets/:id', async (request) => request.lifeguard.describe())
    app.register(
      async (child) => {
        child.get('/:post', async (request) => request.lifeguard.describe())
      },
      { prefix: '/users/:user' },
    )
    app.setNotFoundHandler(async (request) => request.lifeguard.describe())
    const name = async (url: string) => (await app.inject(url)).json().name
    expect(await name('/datasets/7?token=secret')).toBe('GET /datasets/:id')
    expect(await name('/users/7/8')).toBe('GET /users/:user/:post')
    expect(await name('/nowhere/7?token=secret')).toBe('GET /nowhere/7')
  })

  it('has the id that Fastify gives, and the trace', async () => {
    const app = await service()
    app.get('/ids', async (request) => [request.id, request.lifeguard.describe()])
    const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`
    const [id, scope] = (await app.inject({ url: '/ids', headers: { traceparent } })).json()
    expect(scope).toMatchObject({ id, traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8) })
  })

  it('carries the scope through a parsed body, into the handler', async () => {
    const app = await service()
    app.post('/parsed', async (request) => ({
      body: request.body,
      isCurrent: lifeguard.currentScope()?.describe().name === request.lifeguard.describe().name,
    }))
    await app.listen({ port: 0 })
    const { port } = app.server.address() as AddressInfo
    const sent = { 'a body': 'that comes in pieces'.repeat(10_000) }
    const response = await fetch(`http://127.0.0.1:${port}/parsed`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(sent),
    })
    expect(await response.json()).toEqual({ body: sent, isCurrent: true })
  })

  it('ends the scope of an injected request', async () => {
    const app = await service()
    let scope: CurrentScope | undefined
    app.get('/injected', async (request, reply) => {
      scope = request.lifeguard
      void once(reply.raw, 'close')
      return 'done'
    })
    await app.inject('/injected')
    await new Promise((resolve) => setImmediate(resolve))
    expect(scope?.describe()).toMatchObject({ name: 'GET /injected', ending: 'answered' })
  })

  it('is there for routes that were added before it, in the same instance', async () => {
    const app = fastify()
    onTestFinished(() => app.close())
    app.get('/early', async (request) => request.lifeguard.describe())
    app.register(lifeguardPlugin, { lifeguard })
    expect((await app.inject('/early')).json()).toMatchObject({ name: 'GET /early' })
  })

  it('cannot be registered twice', async () => {
    const app = await service()
    await expect(app.register(lifeguardPlugin, { lifeguard })).rejects.toThrow(
      'request.lifeguard exists already: register lifeguardPlugin only once',
    )
  })

  it('cannot be registered without a lifeguard', async () => {
    const app = fastify()
    await expect(app.register(lifeguardPlugin, { lifeguard: {} as Lifeguard })).rejects.toThrow(
      'lifeguardPlugin.lifeguard must be a lifeguard, created by createLifeguard(), got an object',
    )
    const bare = fastify()
    await expect(
      bare.register(lifeguardPlugin, undefined as unknown as { lifeguard: Lifeguard }),
    ).rejects.toMatchObject({ code: 'LIFEGUARD_OPTION' })
  })
})

it('fits the types of Fastify 4', () => {
  const lifeguard = createLifeguard({ reporters: [] })
  expect(fastify4().register(lifeguardPlugin, { lifeguard })).toBeDefined()
})
