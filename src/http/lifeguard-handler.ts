import { createHash, timingSafeEqual } from 'node:crypto'
import { readOptions } from '../core/options/read.ts'
import type { OptionTable } from '../core/options/rows.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { requireLifeguard } from './request-scope.ts'

export interface LifeguardHandlerOptions {
  /** Whoever sends it as `Authorization: Bearer ...` may read from anywhere. Without one, only this machine may. */
  readonly token?: string
}

export const lifeguardHandlerOptions = {
  whole: 'lifeguardHandler(lifeguard, options)',
  prefix: 'lifeguardHandler.',
  // A variable that is not set must not open the handler to everybody who sends nothing.
  rows: { token: { kind: 'string', content: 'visible', secret: true } },
} as const satisfies OptionTable<LifeguardHandlerOptions>

/** A request of `node:http`, as far as the handler reads it. */
export interface HandlerRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** What Express has taken off the URL. */
  readonly baseUrl?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly socket: { readonly remoteAddress?: string | undefined }
}

/** A response of `node:http`, as far as the handler writes it. */
export interface HandlerResponse {
  writeHead(status: number, headers: Record<string, string | number>): unknown
  end(body?: string): unknown
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Any of them says that somebody else is the client, and the machine next to us only passes it on. */
const forwardingHeaders = [
  ...['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'via'],
  ...['x-client-ip', 'x-cluster-client-ip', 'true-client-ip', 'cf-connecting-ip', 'fly-client-ip'],
]

/**
 * Serves what a lifeguard knows, as JSON to read: `.../snapshot`, `.../findings`, and at the place where it is mounted,
 * which must be the root or end in `lifeguard`, the list of these. To programs on this machine that address it as such, and
 * to the bearer of the token; to nobody else, and nothing else.
 *
 * @throws OptionError if it is not given a lifeguard, or the token is empty
 *
 * @example
 * app.use('/lifeguard', lifeguardHandler(lifeguard)) // Express
 * fastify.all('/lifeguard*', (request, reply) => {
 *   reply.hijack()
 *   handler(request.raw, reply.raw)
 * })
 * http.createServer((request, response) =>
 *   request.url?.startsWith('/lifeguard') ? handler(request, response) : serve(request, response),
 * )
 */
export function lifeguardHandler(
  lifeguard: Lifeguard,
  options: LifeguardHandlerOptions = {},
): (request: HandlerRequest, response: HandlerResponse) => void {
  requireLifeguard('lifeguardHandler(lifeguard)', lifeguard)
  const { token } = readOptions(lifeguardHandlerOptions, options)
  const expected = token === undefined ? undefined : digest(token)
  return (request, response) => {
    const { status, body, headers } = refusal(request, expected) ?? answer(request, lifeguard)
    const text = JSON.stringify(body)
    response.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    })
    response.end(request.method === 'HEAD' ? undefined : text)
  }
}

/** Before anything is said of what there is. */
function refusal(request: HandlerRequest, expected: Buffer | undefined): Answer | undefined {
  if (isLocal(request)) return undefined
  if (expected === undefined) {
    return {
      status: 403,
      body: { error: 'only this machine may read this; give the handler a token to open it' },
    }
  }
  const given = bearerToken(request)
  if (given !== undefined && timingSafeEqual(digest(given), expected)) return undefined
  return {
    status: 401,
    body: { error: 'the token is missing or wrong' },
    headers: { 'www-authenticate': 'Bearer realm="pg-lifeguard"' },
  }
}

/**
 * From this machine, not through a proxy on it, and under a name of this machine: a web page elsewhere can make a browser
 * here ask under the page's own name.
 */
function isLocal({ socket, headers }: HandlerRequest): boolean {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/i, '')
  if (address !== '::1' && !/^127\.\d+\.\d+\.\d+$/.test(address)) return false
  if (forwardingHeaders.some((name) => headers[name] !== undefined)) return false
  const { host } = headers
  return typeof host !== 'string' || /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i.test(host)
}

function bearerToken({ headers: { authorization } }: HandlerRequest): string | undefined {
  return typeof authorization === 'string' ? /^Bearer +(\S.*)$/i.exec(authorization)?.[1] : undefined
}

/** Of equal length whatever the token, so that the comparison tells nothing of it. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function answer(request: HandlerRequest, lifeguard: Lifeguard): Answer {
  const page = pageOf(request)
  if (page === undefined) return { status: 404, body: { error: 'there is only snapshot and findings' } }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, body: { error: 'this is only to be read' }, headers: { allow: 'GET, HEAD' } }
  }
  if (page === 'snapshot') return { status: 200, body: lifeguard.snapshot() }
  if (page === 'findings') return { status: 200, body: lifeguard.snapshot().findings }
  const body = { service: 'pg-lifeguard', workingDirectory: process.cwd(), pages: ['snapshot', 'findings'] }
  return { status: 200, body }
}

function pageOf({ url, baseUrl }: HandlerRequest): 'index' | 'snapshot' | 'findings' | undefined {
  const path = (url ?? '/').split(/[?#]/, 1)[0] ?? '/'
  const segments = path.split('/').filter((segment) => segment !== '')
  const last = segments.at(-1)
  const isMounted = typeof baseUrl === 'string' && baseUrl !== ''
  if (isMounted && segments.length > 1) return undefined
  if (last === 'snapshot' || last === 'findings') return last
  if (last === undefined || (!isMounted && last === 'lifeguard')) return 'index'
  return undefined
}
