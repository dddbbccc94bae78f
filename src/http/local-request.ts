/** A request of `node:http` or `node:http2`, as far as it shows who has sent it. */
export interface RequestEvidence {
  readonly url?: string | undefined
  readonly httpVersion?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly socket: { readonly remoteAddress?: string | undefined }
}

/**
 * The headers that programs and browsers send by themselves, pseudo headers of HTTP/2 included. Each proxy and each
 * content delivery network has names of its own, so any other header is taken for one of theirs.
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
  // Sent by clients that trace their requests, and by Prometheus.
  ...['baggage', 'sentry-trace', 'traceparent', 'tracestate', 'x-prometheus-scrape-timeout-seconds'],
])
const ordinaryPrefixes = ['sec-ch-', 'sec-fetch-', 'x-datadog-']

/**
 * Why a request may not come from a program on this machine; undefined if nothing suggests it. This finds only what
 * shows: a proxy that speaks HTTP/1.1, sends a Host of this machine and adds no header looks like a local program.
 */
export function doubtOf({ url = '/', httpVersion, headers, socket }: RequestEvidence): string | undefined {
  if (!isLoopbackAddress(socket.remoteAddress)) return 'it does not come from a loopback address'
  // As many proxies pass requests on; programs of today do not send it.
  if (httpVersion !== '1.1' && httpVersion !== '2.0') return 'it is neither HTTP/1.1 nor HTTP/2'
  if (!url.startsWith('/')) return 'it was addressed to a forward proxy'
  const page = doubtOfPage(headers)
  if (page !== undefined) return page
  const added = Object.keys(headers).find((name) => !isOrdinary(name.toLowerCase()))
  if (added !== undefined) return `a proxy may have added the header ${added.slice(0, 60)}`
  // A web page elsewhere can make its own name resolve to this machine, and have a browser here ask under it.
  const hosts = hostsOf(headers)
  return hosts.length > 0 && hosts.every(isLoopbackHost) ? undefined : 'its Host is no name of this machine'
}

/** A browser here may ask on behalf of a page of another site, or of another port of this machine. */
function doubtOfPage(headers: RequestEvidence['headers']): string | undefined {
  const { origin, referer, 'sec-fetch-site': site } = headers
  // Browsers leave it out where a page reads from its own origin.
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
