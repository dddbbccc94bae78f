import { createServer, type RequestListener } from 'node:http'
import type { Express } from 'express'
import express4 from 'express-4'
import { describe, expect, it } from 'vitest'
import { lifeguardMiddleware } from '../../src/http/express.ts'
import { withRequestScope } from '../../src/http/node.ts'
import { type CurrentScope, createLifeguard, type Lifeguard, OptionError } from '../../src/index.ts'
import { expresses, listen } from './hosts.ts'
import { collectWarnings } from './warnings.ts'

describe.each(Object.entries(expresses))('%s', (_name, express) => {
  const lifeguard = createLifeguard({ reporters: [] })

  describe('calls a request by the pattern of its route', () => {
    const datasets = express.Router()
    datasets.get('/', note)
    datasets.get('/:id', note)
    datasets.get('/:id/fails', (request, response, next) => {
      note(request, response)
      next(new Error('no such dataset'))
    })
    const comments = express.Router({ mergeParams: true }).get('/:comment', note)

    const app = express().use(lifeguardMiddleware(lifeguard))
    app.use('/datasets', datasets)
    app.use('/users/:user', express.Router().use('/posts/:post/comments', comments).get('/', note))
    app.use('/mounted', express().get('/:id', note))
    app.get(['/one/:id', '/two/:id'], note)
    app.get(/^\/exp(\d+)$/, note)
    app.get('/hello/:name', note)
    app.use((_error: Error, request: ScopedRequest, response: Reply, _next: () => void) => {
      response.json(request.lifeguard.describe())
    })
    app.use(note)

    it.each([
      ['/datasets', 'GET /datasets'],
      ['/datasets/7?token=secret', 'GET /datasets/:id'],
      ['/datasets/7/fails', 'GET /datasets/:id/fails'],
      ['/users/ann%20b', 'GET /users/:user'],
      // What Express has forgotten by then stays as it was in the URL.
      ['/users/7/posts/8/comments/9', 'GET /users/7/posts/:post/comments/:comment'],
      ['/mounted/7', 'GET /mounted/:id'],
      ['/two/7', 'GET /one/:id|/two/:id'],
      ['/exp42', 'GET /^\\/exp(\\d+)$/'],
      ['/hello/hello', 'GET /hello/:name'],
      ['/nowhere/7?token=secret', 'GET /nowhere/7'],
      [`/${'long'.repeat(100)}`, `GET /${'long'.repeat(100).slice(0, 195)}...`],
    ])('%s', async (path, name) => {
      expect(await ask(app, path)).toMatchObject({ kind: 'request', name })
    })
  })

  it('knows the route late, and the name that it has in the end', async () => {
    const app = express().use(lifeguardMiddleware(lifeguard))
    let scope: CurrentScope | undefined
    let early: string | undefined
    app.use((request: ScopedRequest, _response: Reply, next: () => void) => {
      scope = request.lifeguard
      early = scope.describe().name
      next()
    })
    app.get('/datasets/:id', note)
    await ask(app, '/datasets/7')
    expect(early).toBe('GET /datasets/7')
    expect(scope?.describe().name).toBe('GET /datasets/:id')
  })

  it('takes over the id that the request or its header has, and the trace', async () => {
    const app = express()
    app.use('/named', (request, _response, next) => {
      Object.assign(request, { id: 42 })
      next()
    })
    app.use(lifeguardMiddleware(lifeguard))
    // As loggers do that stand further on.
    app.use('/late', (request, _response, next) => {
      Object.assign(request, { id: 'late' })
      next()
    })
    app.get(['/plain', '/named', '/late'], note)
    const headers = {
      'x-request-id': 'from-header',
      traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`,
    }
    expect(await ask(app, '/plain', headers)).toMatchObject({
      id: 'from-header',
      traceId: 'ab'.repeat(16),
      spanId: 'cd'.repeat(8),
    })
    expect(await ask(app, '/named', headers)).toMatchObject({ id: '42' })
    expect(await ask(app, '/late', headers)).toMatchObject({ id: 'late' })
    expect(await ask(app, '/plain')).not.toHaveProperty('id')
  })

  it('carries the scope through a parsed body', async () => {
    const app = express().use(lifeguardMiddleware(lifeguard))
    // Off the connection, as parsers of uploads work.
    app.use((request, _response, next) => {
      request.on('data', () => {}).on('end', next)
    })
    app.get('/parsed', (_request, response) => {
      response.json(lifeguard.currentScope()?.describe())
    })
    expect(await ask(app, '/parsed')).toMatchObject({ name: 'GET /parsed' })
  })

  it('says once that it is mounted twice, and opens one scope', async () => {
    const warnings = collectWarnings()
    const middleware = lifeguardMiddleware(lifeguard)
    const app = express().use(middleware, middleware).get('/twice', note)
    app.use((_request, response) => response.end())
    expect(await ask(app, '/twice')).toMatchObject({ name: 'GET /twice' })
    expect(await ask(app, '/twice')).toMatchObject({ name: 'GET /twice' })
    expect(await warnings()).toEqual([
      'lifeguardMiddleware is mounted twice on the route of a request: mount it only once',
    ])
  })

  it('says once that it is mounted behind routes', async () => {
    const warnings = collectWarnings()
    const app = express().get('/early', note)
    app.use('/api', express.Router().get('/early', note).post('/early', note))
    app.use(lifeguardMiddleware(lifeguard)).get('/late', note)
    await ask(app, '/late')
    await ask(app, '/late')
    expect(await warnings()).toEqual([
      'lifeguardMiddleware is mounted behind 3 routes: requests to them have no scope; mount it first',
    ])
  })

  it('says nothing where it is mounted for one router of many', async () => {
    const warnings = collectWarnings()
    const app = express().get('/health', note)
    app.use('/api', express.Router().use(lifeguardMiddleware(lifeguard)).get('/items', note))
    expect(await ask(app, '/api/items')).toMatchObject({ name: 'GET /api/items' })
    expect(await warnings()).toEqual([])
  })

  it('names the scope that withRequestScope has opened around it', async () => {
    const warnings = collectWarnings()
    const app = express().use(lifeguardMiddleware(lifeguard)).get('/datasets/:id', note)
    const around = withRequestScope(lifeguard, app as RequestListener)
    expect(await askServer(around, '/datasets/7')).toMatchObject({ name: 'GET /datasets/:id' })
    expect(await warnings()).toEqual([])
  })

  it('leaves the name from outside to a request that matches no route', async () => {
    const app = express().use(lifeguardMiddleware(lifeguard)).use(note)
    const around = withRequestScope(lifeguard, app as RequestListener, { name: () => 'GET /proxied' })
    expect(await askServer(around, '/datasets/7')).toMatchObject({ name: 'GET /proxied' })
  })

  it('serves two lifeguards side by side', async () => {
    const other = createLifeguard({ reporters: [] })
    const app = express().use(lifeguardMiddleware(lifeguard)).use(lifeguardMiddleware(other))
    app.get('/both/:id', (_request, response) => {
      response.json([lifeguard, other].map((one) => one.currentScope()?.describe().name))
    })
    expect(await ask(app, '/both/7')).toEqual(['GET /both/:id', 'GET /both/:id'])
  })
})

it('fits the types of Express 4', () => {
  expect(express4().use(lifeguardMiddleware(createLifeguard({ reporters: [] })))).toBeTypeOf('function')
})

it.each([undefined, null, {}, 'lifeguard'])('refuses to be made with %o', (given) => {
  expect(() => lifeguardMiddleware(given as unknown as Lifeguard)).toThrow(OptionError)
  expect(() => lifeguardMiddleware(given as unknown as Lifeguard)).toThrow(
    /^lifeguardMiddleware\(lifeguard\) must be a lifeguard, created by createLifeguard\(\), got /,
  )
})

interface ScopedRequest {
  readonly lifeguard: CurrentScope
}

interface Reply {
  json(value: unknown): unknown
}

function note(request: ScopedRequest, response: Reply): void {
  // The error route is answered by the error handler.
  const { path } = request as unknown as { readonly path: string }
  if (!path.endsWith('/fails')) response.json(request.lifeguard.describe())
}

function ask(app: Express, path: string, headers?: Readonly<Record<string, string>>): Promise<unknown> {
  return askServer(app as RequestListener, path, headers)
}

async function askServer(
  listener: RequestListener,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const port = await listen(createServer(listener))
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers })
  return response.json()
}
