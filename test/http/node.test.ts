import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, ServerResponse } from 'node:http'
import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import Koa from 'koa'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { withRequestScope } from '../../src/http/node.ts'
import { type CurrentScope, createLifeguard, type Lifeguard, OptionError } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { collectGarbage } from '../support/garbage.ts'
import { guardedPool } from '../support/guarded-pool.ts'
import { listen } from './hosts.ts'
import { connectPeer, get } from './peer.ts'
import { collectWarnings } from './warnings.ts'

const db = useDatabase()
const lifeguard = createLifeguard({ reporters: [] })
const describeScope: RequestListener = (_request, response) =>
  response.end(JSON.stringify(lifeguard.currentScope()?.describe()))

it('calls a request by method and path, or as it is told', async () => {
  const plain = await listen(createServer(withRequestScope(lifeguard, describeScope)))
  expect(await ask(plain, '/datasets/7?token=secret')).toEqual({ kind: 'request', name: 'GET /datasets/7' })
  const told = withRequestScope(lifeguard, describeScope, {
    name: (request: IncomingMessage) =>
      request.url === '/unknown' ? undefined : `${request.method} /datasets/:id`,
    id: (request: IncomingMessage) => request.url?.slice(1),
  })
  const port = await listen(createServer(told))
  expect(await ask(port, '/7')).toEqual({ kind: 'request', name: 'GET /datasets/:id', id: '7' })
  expect(await ask(port, '/unknown')).toMatchObject({ name: 'GET /unknown' })
})

it('falls back where it is told nonsense', async () => {
  const told = withRequestScope(lifeguard, describeScope, {
    name: () => 42 as unknown as string,
    id: () => {
      throw new Error('no id')
    },
  })
  expect(await ask(await listen(createServer(told)), '/7')).toEqual({ kind: 'request', name: 'GET /7' })
})

it('hands on what the handler returns and throws, and what it is called on', () => {
  const handler = withRequestScope(lifeguard, function (this: unknown, request: IncomingMessage) {
    if (request.url === '/throws') throw new Error('as before')
    return this
  })
  const response = () => new ServerResponse(request('/'))
  const request = (url: string) => Object.assign(Object.create(null), { url, method: 'GET', headers: {} })
  const host = {}
  expect(Reflect.apply(handler, host, [request('/'), response()])).toBe(host)
  expect(() => handler(request('/throws'), response())).toThrow('as before')
})

it('finds what a route of Koa forgets', async () => {
  const { pool, lifeguard: guard, clock, found } = guardedPool({ ...db.config, max: 1 }, { mode: 'enforce' })
  const koa = new Koa()
  koa.use(async (context) => {
    const client = await pool.connect()
    await client.query('SELECT 1')
    context.body = 'done'
  })
  const port = await listen(
    createServer(
      withRequestScope(guard, koa.callback(), { name: ({ method }) => `${method} /datasets/:id` }),
    ),
  )
  await (await fetch(`http://127.0.0.1:${port}/datasets/7`)).text()
  await eventually(() => expect(guard.snapshot().checkouts[0]?.scope?.ending).toBe('answered'))
  clock.advance(1_300)
  expect(await found('outlived-scope')).toMatchObject({
    outcome: 'destroyed',
    scope: { name: 'GET /datasets/:id', ending: 'answered' },
    origin: { file: import.meta.filename },
  })
})

it('finds what a route of Hono forgets', async () => {
  const { pool, lifeguard: guard, clock, found } = guardedPool({ ...db.config, max: 1 }, { mode: 'enforce' })
  const hono = new Hono().get('/datasets/:id', async (context) => {
    const client = await pool.connect()
    await client.query('SELECT 1')
    return context.text('done')
  })
  const port = await listen(createServer(withRequestScope(guard, getRequestListener(hono.fetch))))
  await (await fetch(`http://127.0.0.1:${port}/datasets/7`)).text()
  await eventually(() => expect(guard.snapshot().checkouts[0]?.scope?.ending).toBe('answered'))
  clock.advance(1_300)
  expect(await found('outlived-scope')).toMatchObject({
    outcome: 'destroyed',
    scope: { name: 'GET /datasets/7', ending: 'answered' },
    origin: { file: import.meta.filename },
  })
})

it('gives a request that HTTP/2 carries the same end', async () => {
  const endings: (string | undefined)[] = []
  const server = createHttp2Server(
    withRequestScope(lifeguard, (request: Http2ServerRequest, response: Http2ServerResponse) => {
      const scope = lifeguard.currentScope()
      response.on('close', () => endings.push(scope?.describe().ending))
      if (request.url === '/answered') response.end('done')
    }),
  )
  server.listen(0)
  await once(server, 'listening')
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => {
    session.destroy()
    server.close()
  })
  const answered = session.request({ ':path': '/answered' })
  await once(answered.resume(), 'close')
  const aborted = session.request({ ':path': '/aborted' })
  await eventually(() => expect(endings).toEqual(['answered']))
  aborted.on('error', () => {})
  setImmediate(() => aborted.close(8))
  await eventually(() => expect(endings).toEqual(['answered', 'the client aborted']))
})

it('has no scope, and so no finding, for a WebSocket whose upgrade the server takes itself', async () => {
  const {
    pool,
    lifeguard: guard,
    clock,
    findings,
  } = guardedPool({ ...db.config, max: 1 }, { mode: 'enforce' })
  const server = createServer(withRequestScope(guard, describeScope))
  const sockets = new WebSocketServer({ server })
  const served = new Promise<void>((resolve) => {
    sockets.on('connection', async (socket) => {
      const client = await pool.connect()
      await client.query('LISTEN events')
      guard.exempt(client, 'LISTEN of a WebSocket')
      socket.send('ready')
      socket.on('close', () => {
        client.release()
        resolve()
      })
    })
  })
  const socket = new WebSocket(`ws://127.0.0.1:${await listen(server)}`)
  await once(socket, 'message')
  clock.advance(600_000)
  expect(findings).toEqual([])
  socket.close()
  await served
})

it('keeps the scope of an upgraded request until its socket closes', async () => {
  const {
    pool,
    lifeguard: guard,
    clock,
    findings,
    found,
  } = guardedPool({ ...db.config, max: 1 }, { mode: 'enforce', limits: { holdMillis: false } })
  const handler = withRequestScope(guard, async (request: IncomingMessage, _response: ServerResponse) => {
    sockets.handleUpgrade(request, request.socket, Buffer.alloc(0), async (socket) => {
      const client = await pool.connect()
      await client.query('SELECT 1')
      socket.send('ready')
    })
  })
  const sockets = new WebSocketServer({ noServer: true })
  const server = createServer()
  // As libraries do that lead WebSockets through the routes of a framework: the response is one of their own.
  server.on('upgrade', (request) => void handler(request, new ServerResponse(request)))
  const socket = new WebSocket(`ws://127.0.0.1:${await listen(server)}`)
  await once(socket, 'message')
  clock.advance(600_000)
  expect(findings).toEqual([])

  socket.close()
  await eventually(() =>
    expect(guard.snapshot().checkouts[0]?.scope?.ending).toBe('the connection was closed'),
  )
  clock.advance(1_300)
  expect(await found('outlived-scope')).toMatchObject({ scope: { name: 'GET /' } })
})

it('ends at once the scope of a request whose response is closed already', async () => {
  let scope: CurrentScope | undefined
  const inner = withRequestScope(lifeguard, (_request: IncomingMessage, _response: ServerResponse) => {
    scope = lifeguard.currentScope()
  })
  const server = createServer((request, response) => response.on('close', () => inner(request, response)))
  const peer = await connectPeer(await listen(server))
  peer.send(get('/late'))
  await once(server, 'request')
  peer.socket.destroy()
  await eventually(() =>
    expect(scope?.describe()).toMatchObject({ name: 'GET /late', ending: 'the client aborted' }),
  )
})

it('listens once to a connection, however many requests wait on it', async () => {
  const warnings = collectWarnings()
  const scopes: (CurrentScope | undefined)[] = []
  const sockets = new Set<Socket>()
  const server = createServer(
    withRequestScope(lifeguard, (request: IncomingMessage, _response: ServerResponse) => {
      sockets.add(request.socket)
      scopes.push(lifeguard.currentScope())
    }),
  )
  const peer = await connectPeer(await listen(server))
  peer.send(get('/pipelined').repeat(50))
  await eventually(() => expect(scopes).toHaveLength(50))
  peer.socket.destroy()
  await eventually(() => {
    expect(scopes.map((scope) => scope?.describe().ending)).toEqual(Array(50).fill('the client aborted'))
  })
  expect(sockets.size).toBe(1)
  expect(await warnings()).toEqual([])
})

it('keeps no request alive that was answered, whatever it has left running', async () => {
  let request: WeakRef<IncomingMessage> | undefined
  let scope: CurrentScope | undefined
  const server = createServer(
    withRequestScope(lifeguard, (incoming: IncomingMessage, response: ServerResponse) => {
      request = new WeakRef(incoming)
      scope = lifeguard.currentScope()
      response.end('done')
    }),
  )
  const port = await listen(server)
  await fetch(`http://127.0.0.1:${port}/once`, { headers: { connection: 'close' } }).then((answer) =>
    answer.text(),
  )
  await eventually(() => {
    collectGarbage()
    expect(request?.deref() === undefined).toBe(true)
  })
  expect(scope?.describe()).toEqual({ kind: 'request', name: 'GET /once', ending: 'answered' })
})

it('runs in the scope what listens to a request, and whoever has replaced its emit', () => {
  const lifeguard = createLifeguard({ reporters: [] })
  const heard: string[] = []
  const hear = (what: string) => heard.push(`${what} in ${lifeguard.currentScope()?.describe().name}`)
  const emitter = (url: string) => Object.assign(new EventEmitter(), { method: 'GET', url, headers: {} })
  const serve = withRequestScope(
    lifeguard,
    (_request: ReturnType<typeof emitter>, _response: EventEmitter) => {},
  )

  const plain = emitter('/plain')
  serve(plain, new EventEmitter())
  expect(plain.emit('data')).toBe(false)
  plain.on('data', () => hear('data'))
  expect(plain.emit('data')).toBe(true)

  const replaced = emitter('/replaced')
  replaced.emit = (event) => hear(`emit ${String(event)}`) > 0
  serve(replaced, new EventEmitter())
  replaced.emit('data')
  expect(heard).toEqual(['data in GET /plain', 'emit data in GET /replaced'])
})

it('leaves no enumerable trace on request and response', async () => {
  const lifeguard = createLifeguard({ reporters: [] })
  let before: unknown[] = []
  let after: unknown[] = []
  const namesOf = (...emitters: object[]) => emitters.map((emitter) => Object.keys(emitter))
  const symbolsOf = (...emitters: object[]) =>
    emitters.map((emitter) =>
      Object.getOwnPropertySymbols(emitter).filter((symbol) =>
        Object.prototype.propertyIsEnumerable.call(emitter, symbol),
      ),
    )
  const server = createServer((request, response) => {
    before = [namesOf(request, response), symbolsOf(request, response)]
    withRequestScope(lifeguard, () => {
      after = [namesOf(request, response), symbolsOf(request, response)]
      response.end()
    })(request, response)
  })
  await fetch(`http://127.0.0.1:${await listen(server)}/`)
  expect(after).toEqual(before)
})

it('says once that it is wrapped around a handler twice', async () => {
  const warnings = collectWarnings()
  const twice = withRequestScope(lifeguard, withRequestScope(lifeguard, describeScope))
  const port = await listen(createServer(twice))
  await ask(port, '/twice')
  expect(await ask(port, '/twice')).toEqual({ kind: 'request', name: 'GET /twice' })
  expect(await warnings()).toEqual(['withRequestScope is wrapped around a handler twice: wrap it only once'])
})

it.each([
  [[undefined, describeScope], 'withRequestScope(lifeguard) must be a lifeguard'],
  [[lifeguard, undefined], 'withRequestScope(lifeguard, handler) must be a function, got undefined'],
])('refuses %#', (args, message) => {
  const call = () => withRequestScope(...(args as unknown as [Lifeguard, RequestListener]))
  expect(call).toThrow(OptionError)
  expect(call).toThrow(message)
})

async function ask(port: number, path: string): Promise<unknown> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).json()
}
