import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { doubtOf } from '../../access/local-request.ts'
import { Exchange } from '../../page/serve/exchange.ts'
import { Feed } from '../../page/serve/feed.ts'
import type { PageItems } from '../../page/view/items.ts'
import { UsageError } from '../command.ts'
import type { Endings } from './endings.ts'

export interface PageServerOptions {
  readonly port: number
  read(): PageItems
  readonly endings: Endings
  /** A link is valid: the first one, and another one after each use. */
  onLink(link: string, isFirst: boolean): void
}

export interface PageServer extends AsyncDisposable {
  readonly port: number
  /** The present link, with a token that can be used once. */
  readonly link: string
}

const mostKeys = 20
const mostBodyBytes = 4_096

/** Serves the page on this machine alone: to browsers that were opened with a link, each of which works once. */
export async function openPage(options: PageServerOptions): Promise<PageServer> {
  const feed = new Feed(options.read)
  const keys = new Set<string>()
  let token = ''
  let port = 0
  const link = () => `http://127.0.0.1:${port}/#token=${token}`
  const renew = (isFirst: boolean) => {
    token = randomBytes(32).toString('base64url')
    options.onLink(link(), isFirst)
  }

  function openSession(given: unknown): string | undefined {
    if (typeof given !== 'string' || !isSame(given, token)) return undefined
    const key = randomBytes(32).toString('base64url')
    keys.add(digestOf(key))
    for (const old of [...keys].slice(0, -mostKeys)) keys.delete(old)
    renew(false)
    return key
  }

  const server = http.createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      // A lost connection to the server, for instance; the page shows the reason.
      if (!response.headersSent) new Exchange(request, response).refuse(503, messageOf(error))
      else response.destroy()
    })
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = new Exchange(request, response)
    const refusal = refusalOf(request, port)
    if (refusal !== undefined) return exchange.refuse(403, refusal)
    const path = (request.url ?? '/').split(/[?#]/, 1)[0]
    const { method } = request
    if (path === '/' && (method === 'GET' || method === 'HEAD')) return exchange.document()
    if (path === '/session' && method === 'POST') {
      const key = openSession((await bodyOf(request))?.token)
      if (key === undefined)
        return exchange.refuse(401, 'this link has been used: take the last one of the terminal')
      return exchange.json(200, JSON.stringify({ key }))
    }
    const given = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1]
    if (given === undefined || !keys.has(digestOf(given))) {
      return exchange.refuse(401, 'open the link that the terminal shows')
    }
    switch (`${method} ${path}`) {
      case 'GET /events':
        return exchange.events(feed)
      case 'GET /state':
        return exchange.json(200, feed.state())
      case 'POST /preview': {
        const pid = (await bodyOf(request))?.pid
        if (!isPid(pid)) return exchange.refuse(400, 'pid must be the process id of a session')
        return exchange.json(200, JSON.stringify(await options.endings.preview(pid)))
      }
      case 'POST /end': {
        const body = await bodyOf(request)
        const text =
          typeof body?.ticket === 'string'
            ? await options.endings.end(body.ticket, body.despiteCaution === true)
            : undefined
        if (text === undefined) return exchange.refuse(409, 'the preview is too old: look again')
        return exchange.json(200, JSON.stringify({ text }))
      }
      default:
        return exchange.refuse(404, 'not found')
    }
  }

  server.listen(options.port, '127.0.0.1')
  await listening(server, options.port)
  port = (server.address() as AddressInfo).port
  renew(true)
  return {
    port,
    get link() {
      return link()
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function listening(server: http.Server, port: number): Promise<void> {
  try {
    await once(server, 'listening')
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE')
      throw new UsageError(`Port ${port} is in use: choose another one with --port.`)
    if (codeOf(error) === 'EACCES')
      throw new UsageError(`Port ${port} may not be used by this user: choose another one with --port.`)
    throw error
  }
}

/** The reason to refuse: only browsers of this machine, on behalf of this page alone. */
function refusalOf(request: IncomingMessage, port: number): string | undefined {
  const { origin, ...headers } = request.headers
  const { host, 'content-type': type } = headers
  if (host !== `127.0.0.1:${port}` && host !== `localhost:${port}`)
    return 'its Host is not the address of this page'
  // Browsers send Origin with every POST.
  if (origin !== undefined && origin !== `http://${host}`) return 'a web page of another origin sent it'
  if (request.method === 'POST' && type !== 'application/json') return 'it is not JSON'
  const { url, httpVersion, socket } = request
  const doubt = doubtOf({ ...(url === undefined ? {} : { url }), httpVersion, headers, socket })
  return doubt === undefined ? undefined : `only browsers on this machine may read this, and ${doubt}`
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk
    if (text.length > mostBodyBytes) return undefined
  }
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function isPid(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 2 ** 31
}

function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(Buffer.from(digestOf(given)), Buffer.from(digestOf(expected)))
}

/** Keys are looked up by their digests, so that the time of it reveals nothing about them. */
function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64')
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
