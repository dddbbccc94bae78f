import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import express from 'express'
import fastify from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type LifeguardHandlerOptions, lifeguardHandler } from '../../src/http/node.ts'
import { createLifeguard } from '../../src/index.ts'
import { type ProxyTraits, passingProxy, rawRequest } from './passing-proxy.ts'

const lifeguard = createLifeguard({ reporters: [] })
const token = 'open sesame'
const bearer = { authorization: `Bearer ${token}` }

type Listener = (request: IncomingMessage, response: ServerResponse) => void

async function listening<Kind extends Server>(server: Kind, where: string | { port: number; host: string }) {
  if (typeof where === 'string') server.listen(where)
  else server.listen(where)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return server.address()
}

async function serve(listener: Listener, host = '127.0.0.1'): Promise<number> {
  const address = await listening(http.createServer(listener), { port: 0, host })
  return (address as AddressInfo).port
}

/** The same handler, in each way to mount it. */
const mounts: Readonly<Record<string, (options: LifeguardHandlerOptions) => Promise<number>>> = {
  'node:http': (options) => serve(lifeguardHandler(lifeguard, options)),
  Express: (options) =>
    serve(
      express().set('trust proxy', true).use('/lifeguard', lifeguardHandler(lifeguard, options)) as never,
    ),
  Fastify: async (options) => {
    const handle = lifeguardHandler(lifeguard, options)
    const app = fastify({ trustProxy: true })
    app.all('/lifeguard*', (request, reply) => {
      reply.hijack()
      handle(request.raw, reply.raw)
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    onTestFinished(() => app.close())
    return (app.server.address() as AddressInfo).port
  },
}

async function statusOf(port: number, headers: Record<string, string> = {}, method = 'GET'): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/lifeguard/snapshot`, { headers, method })
  await response.text()
  return response.status
}

describe.each(Object.entries(mounts))('in %s', (_host, mount) => {
  it('a local program reads without a token, as long as there is none', async () => {
    expect(await statusOf(await mount({}))).toBe(200)
  })

  it('a token is required from everybody, a local program included', async () => {
    const port = await mount({ token })
    expect(await statusOf(port)).toBe(401)
    expect(await statusOf(port, { authorization: 'Bearer open' })).toBe(401)
    expect(await statusOf(port, bearer)).toBe(200)
  })

  it.each<[string, ProxyTraits]>([
    ['as nginx does by default', { httpVersion: '1.0' }],
    ['in HTTP/1.1', { httpVersion: '1.1' }],
    ['with the name of the upstream alone', { httpVersion: '1.1', adds: { host: 'localhost' } }],
  ])(
    'a proxy on this machine that passes requests on %s opens nothing where a token is set',
    async (_how, traits) => {
      const proxy = await passingProxy(await mount({ token }), traits)
      expect(await statusOf(proxy)).toBe(401)
      expect(await statusOf(proxy, bearer)).toBe(200)
    },
  )

  it.each<[string, ProxyTraits]>([
    ['as nginx does by default', { httpVersion: '1.0' }],
    [
      'in HTTP/1.1, with the address of its client',
      { httpVersion: '1.1', adds: { 'x-real-ip': '192.0.2.7' } },
    ],
    ['in HTTP/1.1, with the Host of its client', { httpVersion: '1.1', adds: { host: 'shop.example.com' } }],
    ['as Envoy does', { httpVersion: '1.1', adds: { 'x-envoy-external-address': '192.0.2.7' } }],
    ['as Cloudflare does', { httpVersion: '1.1', adds: { 'cf-ray': '7d2c-FRA' } }],
  ])(
    'a proxy on this machine that passes requests on %s is refused without a token',
    async (_how, traits) => {
      const proxy = await passingProxy(await mount({}), traits)
      expect(await statusOf(proxy)).toBe(403)
      expect(await statusOf(proxy, bearer)).toBe(403)
    },
  )

  it('a web page of another site reads nothing, whatever a CORS middleware allows', async () => {
    const app = express()
    app.use((_request, response, next) => {
      response.setHeader('access-control-allow-origin', '*')
      next()
    })
    app.use('/lifeguard', lifeguardHandler(lifeguard))
    const port = await serve(app as never)
    const page = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }
    expect(await statusOf(port, page)).toBe(403)
    // Of a browser that sends only one of them.
    expect(await statusOf(port, { origin: 'null' })).toBe(403)
  })
})

describe('bytes on a socket', () => {
  const ask = async (to: number | string, ...lines: string[]) =>
    rawRequest(to, ['GET /lifeguard/snapshot HTTP/1.1', 'Connection: close', ...lines, '', ''].join('\r\n'))

  it.each([
    [200, ['Host: localhost:3000']],
    [200, ['Host: 127.0.0.1', 'Sec-Fetch-Site: same-origin', 'Referer: http://127.0.0.1/lifeguard']],
    [200, ['Host: [::1]:3000', 'Sec-Fetch-Site: none']],
    [403, ['Host: localhost', 'Sec-Fetch-Site: cross-site']],
    [403, ['Host: localhost:3000', 'Sec-Fetch-Site: same-site']],
    [403, ['Host: localhost', 'Origin: http://localhost']],
    [403, ['Host: localhost:3000', 'Referer: http://localhost:5173/']],
    [403, ['Host: rebound.example.com']],
    [403, ['Host: localhost.example.com']],
    [403, ['Host: 0.0.0.0:3000']],
    [403, ['Host: 127.0.0.1.example.com']],
    [403, ['Host: ']],
    [403, ['Host: localhost', 'Via: 1.1 varnish']],
    [403, ['Host: localhost', 'X-Forwarded-Port: 443']],
  ])('are answered with %d: %j', async (status, lines) => {
    const { status: given, head, body } = await ask(await serve(lifeguardHandler(lifeguard)), ...lines)
    expect(given).toBe(status)
    expect(head.toLowerCase()).toContain('cache-control: no-store')
    expect(head.toLowerCase()).toContain('vary: *')
    if (status === 403)
      expect(JSON.parse(body)).toEqual({ error: expect.stringContaining('give the handler a token') })
  })

  it('are refused without a Host, where the server lets them pass', async () => {
    const server = http.createServer({ requireHostHeader: false }, lifeguardHandler(lifeguard))
    const { port } = (await listening(server, { port: 0, host: '127.0.0.1' })) as AddressInfo
    expect((await ask(port)).status).toBe(403)
  })

  it('are refused where they are meant for a forward proxy', async () => {
    const port = await serve(lifeguardHandler(lifeguard))
    const lines = [
      'GET http://localhost/lifeguard/snapshot HTTP/1.1',
      'Host: localhost',
      'Connection: close',
      '',
      '',
    ]
    expect((await rawRequest(port, lines.join('\r\n'))).status).toBe(403)
  })

  it('on a Unix socket, which a proxy may be behind, need the token', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lifeguard-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const [open, closed] = [join(folder, 'open'), join(folder, 'closed')]
    await listening(http.createServer(lifeguardHandler(lifeguard)), open)
    await listening(http.createServer(lifeguardHandler(lifeguard, { token })), closed)
    expect((await ask(open, 'Host: localhost')).status).toBe(403)
    expect((await ask(closed, 'Host: localhost')).status).toBe(401)
    expect((await ask(closed, 'Host: localhost', `Authorization: Bearer ${token}`)).status).toBe(200)
  })

  it('from a server that listens to IPv4 and IPv6 at once are local, too', async () => {
    const port = await serve(lifeguardHandler(lifeguard), '::ffff:127.0.0.1')
    expect((await ask(port, 'Host: localhost')).status).toBe(200)
  })
})

describe('in HTTP/2', () => {
  async function askHttp2(
    options: LifeguardHandlerOptions,
    headers: http2.OutgoingHttpHeaders,
  ): Promise<number> {
    const server = http2.createServer(lifeguardHandler(lifeguard, options) as never)
    const { port } = (await listening(server as never, { port: 0, host: '127.0.0.1' })) as AddressInfo
    const session = http2.connect(`http://127.0.0.1:${port}`)
    onTestFinished(() => session.close())
    const stream = session.request({ ':path': '/lifeguard/snapshot', ...headers })
    const [answer] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders & { ':status'?: number }]
    await text(stream)
    return answer[':status'] ?? 0
  }

  it.each([
    [200, {}],
    [200, { ':authority': 'localhost:3000' }],
    [403, { ':authority': 'shop.example.com' }],
    [403, { ':authority': 'shop.example.com', host: 'localhost' }],
    [403, { ':authority': 'localhost', host: 'shop.example.com' }],
    [403, { ':authority': 'localhost', 'cf-ray': '7d2c-FRA' }],
    [403, { ':authority': 'localhost', origin: 'https://evil.example' }],
  ])('it is answered with %d: %j', async (status, headers) => {
    expect(await askHttp2({}, headers)).toBe(status)
  })

  it('the token is required from everybody', async () => {
    expect(await askHttp2({ token }, { ':authority': 'localhost' })).toBe(401)
    expect(await askHttp2({ token }, { ':authority': 'shop.example.com', ...bearer })).toBe(200)
  })
})

it('a HEAD is refused as a GET is', async () => {
  const [open, closed] = [lifeguardHandler(lifeguard), lifeguardHandler(lifeguard, { token })]
  expect(await statusOf(await serve(open), { via: '1.1 varnish' }, 'HEAD')).toBe(403)
  expect(await statusOf(await serve(closed), {}, 'HEAD')).toBe(401)
  expect(await statusOf(await serve(closed), bearer, 'HEAD')).toBe(200)
})

it.each(['POST', 'OPTIONS', 'DELETE'])(
  'a %s of a stranger does not learn what is allowed',
  async (method) => {
    expect(await statusOf(await serve(lifeguardHandler(lifeguard, { token })), {}, method)).toBe(401)
  },
)
