import { readerCheck } from '../access/reader.ts'
import { readOptions } from '../core/options/read.ts'
import type { OptionTable } from '../core/options/rows.ts'
import { internalsOf } from '../guard/internals.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { requireLifeguard } from './request-scope.ts'

/** The options of {@link lifeguardHandler}. */
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
 * Serves the state of a lifeguard as JSON, read-only: `.../snapshot`, `.../findings`, `.../timeline` if the option
 * `timeline` is on, and a list of these at the path
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
  const refusalOf = readerCheck({ token })
  return (request, response) => {
    const refused = refusalOf(request)
    const { status, body, headers } =
      refused === undefined ? answer(request, lifeguard) : { ...refused, body: { error: refused.error } }
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

function answer(request: HandlerRequest, lifeguard: Lifeguard): Answer {
  const page = pageOf(request)
  if (page === undefined)
    return { status: 404, body: { error: `not found: use ${pagesOf(lifeguard).join(', ')}` } }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, body: { error: 'read only: use GET or HEAD' }, headers: { allow: 'GET, HEAD' } }
  }
  if (page === 'snapshot') return { status: 200, body: lifeguard.snapshot() }
  if (page === 'findings') return { status: 200, body: lifeguard.snapshot().findings }
  if (page === 'timeline') {
    if (isRecording(lifeguard)) return { status: 200, body: lifeguard.timeline() }
    return { status: 404, body: { error: 'nothing is recorded: switch the option timeline on' } }
  }
  const body = { service: 'pg-lifeguard', workingDirectory: process.cwd(), pages: pagesOf(lifeguard) }
  return { status: 200, body }
}

function pagesOf(lifeguard: Lifeguard): readonly string[] {
  return ['snapshot', 'findings', ...(isRecording(lifeguard) ? ['timeline'] : [])]
}

function isRecording(lifeguard: Lifeguard): boolean {
  return internalsOf(lifeguard)?.timeline?.recorder !== undefined
}

function pageOf({
  url,
  baseUrl,
}: HandlerRequest): 'index' | 'snapshot' | 'findings' | 'timeline' | undefined {
  const path = (url ?? '/').split(/[?#]/, 1)[0] ?? '/'
  const segments = path.split('/').filter((segment) => segment !== '')
  const last = segments.at(-1)
  const isMounted = typeof baseUrl === 'string' && baseUrl !== ''
  if (isMounted && segments.length > 1) return undefined
  if (last === 'snapshot' || last === 'findings' || last === 'timeline') return last
  if (last === undefined || (!isMounted && last === 'lifeguard')) return 'index'
  return undefined
}
