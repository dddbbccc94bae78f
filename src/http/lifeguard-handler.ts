import { createHash, timingSafeEqual } from 'node:crypto'
import { readOptions } from '../core/options/read.ts'
import type { OptionTable } from '../core/options/rows.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { doubtOf } from './local-request.ts'
import { requireLifeguard } from './request-scope.ts'

export interface LifeguardHandlerOptions {
  /**
   * The token that every request must send as `Authorization: Bearer ...`, including those from this machine. Without a
   * token only programs on this machine may read. Set one behind any reverse proxy: some cannot be recognised.
   */
  readonly token?: string
}

export const lifeguardHandlerOptions = {
  whole: 'lifeguardHandler(lifeguard, options)',
  prefix: 'lifeguardHandler.',
  // An unset variable must not open the handler to requests without a token.
  rows: { token: { kind: 'string', content: 'visible', secret: true } },
} as const satisfies OptionTable<LifeguardHandlerOptions>

/** The parts of a `node:http` request that the handler reads. */
export interface HandlerRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** Without a token, a request that lacks it is refused. */
  readonly httpVersion?: string | undefined
  /** The part of the URL that Express has removed. */
  readonly baseUrl?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly socket: { readonly remoteAddress?: string | undefined }
}

/** The parts of a `node:http` response that the handler writes. */
export interface HandlerResponse {
  writeHead(status: number, headers: Record<string, string | number>): unknown
  end(body?: string): unknown
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Serves the state of a lifeguard as JSON, read-only: `.../snapshot`, `.../findings`, and a list of these at the path
 * where it is mounted, which must be the root or end in `lifeguard`. With a token, only requests that send it are
 * served. Without one, only programs on this machine are, which is not safe behind a reverse proxy on the same machine.
 *
 * @throws OptionError if the argument is not a lifeguard, or the token is empty
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
      vary: '*',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      ...headers,
    })
    response.end(request.method === 'HEAD' ? undefined : text)
  }
}

/** Checked before the path, so that a stranger does not learn which paths exist. */
function refusal(request: HandlerRequest, expected: Buffer | undefined): Answer | undefined {
  if (expected === undefined) {
    const doubt = doubtOf(request)
    if (doubt === undefined) return undefined
    return {
      status: 403,
      body: { error: `only programs on this machine may read this, and ${doubt}: give the handler a token` },
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

function bearerToken({ headers: { authorization } }: HandlerRequest): string | undefined {
  return typeof authorization === 'string' ? /^Bearer +(\S.*)$/i.exec(authorization)?.[1] : undefined
}

/** All digests have the same length, so that the time of the comparison reveals nothing about the token. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function answer(request: HandlerRequest, lifeguard: Lifeguard): Answer {
  const page = pageOf(request)
  if (page === undefined) return { status: 404, body: { error: 'not found: use snapshot or findings' } }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, body: { error: 'read only: use GET or HEAD' }, headers: { allow: 'GET, HEAD' } }
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
