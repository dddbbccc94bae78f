/** The parts of a `node:http` or `node:http2` request that show its sender. */
export interface RequestEvidence {
  readonly url?: string | undefined
  readonly httpVersion?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly socket: { readonly remoteAddress?: string | undefined }
}

/**
 * The headers that programs and browsers send themselves, including pseudo headers of HTTP/2. Proxies and content
 * delivery networks have many names of their own, so any other header is taken for one of theirs.
 */
const ordinaryHeaders = new Set([
  ...[':authority', ':method', ':path', ':scheme', 'host', 'connection', 'keep-alive', 'te', 'upgrade'],
  ...['accept', 'accept-charset', 'accept-encoding', 'accept-language', 'authorization', 'cache-control'],
  ...['content-length', 'content-type', 'cookie', 'dnt', 'http2-settings', 'if-modified-since'],
  ...[
    'if-none-match',
    'pragma',
    'priority',
    'purpose',
    'range',
    'referer',
    'save-data',
    'sec-gpc',
    'sec-purpose',
  ],
  ...['upgrade-insecure-requests', 'user-agent', 'x-requested-with'],
  // Clients with tracing, and Prometheus, send these.
  ...['baggage', 'sentry-trace', 'traceparent', 'tracestate', 'x-prometheus-scrape-timeout-seconds'],
])
const ordinaryPrefixes = ['sec-ch-', 'sec-fetch-', 'x-datadog-']

/**
 * The reason why a request may not come from a program on this machine; undefined without one. A proxy that speaks
 * HTTP/1.1, sends a Host of this machine and adds no header cannot be distinguished from a local program.
 */
export function doubtOf({ url = '/', httpVersion, headers, socket }: RequestEvidence): string | undefined {
  if (!isLoopbackAddress(socket.remoteAddress)) return 'it does not come from a loopback address'
  // Many proxies use older versions; current programs do not.
  if (httpVersion !== '1.1' && httpVersion !== '2.0') return 'it is neither HTTP/1.1 nor HTTP/2'
  if (!url.startsWith('/')) return 'it was addressed to a forward proxy'
  const page = doubtOfPage(headers)
  if (page !== undefined) return page
  const added = Object.keys(headers).find((name) => !isOrdinary(name.toLowerCase()))
  if (added !== undefined) return `a proxy may have added the header ${added.slice(0, 60)}`
  // DNS rebinding: a web page can make its own name resolve to this machine, and let a browser here send requests to it.
  const hosts = hostsOf(headers)
  return hosts.length > 0 && hosts.every(isLoopbackHost)
    ? undefined
    : 'its Host is not a name of this machine'
}

/** The reason to doubt a browser's request: it may be on behalf of a page of another site or port. */
function doubtOfPage(headers: RequestEvidence['headers']): string | undefined {
  const { origin, referer, 'sec-fetch-site': site } = headers
  // Browsers omit it if a page reads from its own origin.
  if (origin !== undefined) return 'a web page of another origin may have sent it'
  if (site !== undefined && site !== 'none' && site !== 'same-origin')
    return 'a web page of another site sent it'
  if (referer === undefined) return undefined
  const isOwn =
    typeof referer === 'string' &&
    URL.canParse(referer) &&
    hostsOf(headers).every((host) => host === new URL(referer).host)
  return isOwn ? undefined : 'a web page of another origin refers to it'
}

function isOrdinary(name: string): boolean {
  return ordinaryHeaders.has(name) || ordinaryPrefixes.some((prefix) => name.startsWith(prefix))
}

function hostsOf(headers: RequestEvidence['headers']): unknown[] {
  return [headers[':authority'], headers.host].filter((host) => host !== undefined)
}

function isLoopbackAddress(address = ''): boolean {
  return /^(?:::1|(?:::ffff:)?127\.\d+\.\d+\.\d+)$/i.test(address)
}

function isLoopbackHost(host: unknown): boolean {
  return typeof host === 'string' && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i.test(host)
}
