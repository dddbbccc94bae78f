import { readerCheck } from '../access/reader.ts'
import { readOptions } from '../core/options/read.ts'
import type { OptionTable } from '../core/options/rows.ts'
import { OptionError } from '../errors.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { formatTrace } from '../reporters/trace-file.ts'
import { databaseConnector, type PageDatabase, requireDatabase } from './database.ts'
import { LifeguardSource } from './lifeguard-source.ts'
import { Exchange, type PageRequest, type PageResponse } from './serve/exchange.ts'
import { Feed } from './serve/feed.ts'

/** The options of {@link pageHandler}. */
export interface PageHandlerOptions {
  /**
   * The token that every request must send: browsers ask for it as a password, with any user name; programs send
   * `Authorization: Bearer ...`. Without a token only programs on this machine may look. Set one behind any reverse
   * proxy.
   */
  readonly token?: string
  /**
   * The server whose blocking sessions the page shows: a connection string, or the pool whose options name it. The page
   * opens one connection of its own while somebody looks. Default: only the pools are shown.
   */
  readonly database?: PageDatabase
  /** The name of the service on the page. Default `pg-lifeguard`. */
  readonly title?: string
}

export const pageHandlerOptions = {
  whole: 'pageHandler(lifeguard, options)',
  prefix: 'pageHandler.',
  rows: {
    // An unset variable must not open the page to requests without a token.
    token: { kind: 'string', content: 'visible', secret: true },
    title: { kind: 'string', content: 'visible', default: 'pg-lifeguard' },
  },
} as const satisfies OptionTable<Omit<PageHandlerOptions, 'database'>>

/**
 * Serves a live page about the pools of a lifeguard: who holds which client, since when and from which line, who waits,
 * what was found and what was done. It only looks. Mount it at a path that ends in `page`, or by itself.
 *
 * Creating it switches the timeline and the statistics on, so that the page can show the last minutes. With a token,
 * only requests that send it are served. Without one, only programs on this machine are, which is not safe behind a
 * reverse proxy on the same machine.
 *
 * @throws OptionError if the argument is not a lifeguard, or an option is invalid
 *
 * @example
 * app.use('/lifeguard/page', pageHandler(lifeguard)) // Express, before lifeguardHandler at '/lifeguard'
 * http.createServer((request, response) =>
 *   request.url?.startsWith('/page') ? handler(request, response) : serve(request, response),
 * )
 */
export function pageHandler(
  lifeguard: Lifeguard,
  options: PageHandlerOptions = {},
): (request: PageRequest, response: PageResponse) => void {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError('pageHandler(lifeguard, options)', 'must be an object', options)
  }
  const { database, ...rest } = options
  const { token, title } = readOptions(pageHandlerOptions, rest)
  if (database !== undefined) requireDatabase('pageHandler.database', database)
  const source = new LifeguardSource('pageHandler(lifeguard)', lifeguard, {
    title,
    ...(database === undefined ? {} : { connect: databaseConnector(database) }),
  })
  const feed = new Feed(
    () => source.read(),
    () => source.now(),
  )
  const refusalOf = readerCheck({ token, forBrowsers: true })

  return (request, response) => {
    const exchange = new Exchange(request, response)
    const refused = refusalOf(request)
    if (refused !== undefined) return exchange.refuse(refused.status, refused.error, refused.headers)
    const part = partOf(request)
    if (part === undefined)
      return exchange.refuse(404, 'not found: the page is at the path where it is mounted')
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return exchange.refuse(405, 'read only: use GET or HEAD', { allow: 'GET, HEAD' })
    switch (part) {
      case 'document':
        return exchange.document()
      case 'events':
        return exchange.events(feed)
      case 'state':
        return exchange.json(200, feed.state())
      case 'timeline':
        return exchange.json(200, JSON.stringify(lifeguard.timeline()))
      case 'trace':
        return exchange.json(200, formatTrace(lifeguard.timeline()), {
          'content-disposition': 'attachment; filename="pg-lifeguard-trace.json"',
        })
    }
  }
}

const parts = ['events', 'state', 'timeline', 'trace'] as const

/** Relative to the place where it is mounted: Express removes that part of the path, others do not. */
function partOf({ url, baseUrl }: PageRequest): 'document' | (typeof parts)[number] | undefined {
  const path = (url ?? '/').split(/[?#]/, 1)[0] ?? '/'
  const segments = path.split('/').filter((segment) => segment !== '')
  const isMounted = typeof baseUrl === 'string' && baseUrl !== ''
  if (isMounted && segments.length > 1) return undefined
  const last = segments.at(-1)
  if (last === undefined || (!isMounted && last === 'page')) return 'document'
  return parts.find((part) => part === last)
}
