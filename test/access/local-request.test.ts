import { describe, expect, it } from 'vitest'
import { doubtOf, type RequestEvidence } from '../../src/access/local-request.ts'

const local: RequestEvidence = {
  url: '/lifeguard/snapshot',
  httpVersion: '1.1',
  headers: { host: 'localhost:3000', connection: 'keep-alive' },
  socket: { remoteAddress: '127.0.0.1' },
}

const withHeaders = (headers: Record<string, string | string[]>): RequestEvidence => ({
  ...local,
  headers: { ...local.headers, ...headers },
})

describe('a request of a program on this machine', () => {
  it.each<[string, Record<string, string>]>([
    ['curl', { 'user-agent': 'curl/8.5.0', accept: '*/*' }],
    [
      'fetch of Node.js',
      {
        ...{ accept: '*/*', 'accept-language': '*', 'sec-fetch-mode': 'cors', 'user-agent': 'node' },
        ...{ 'accept-encoding': 'br, gzip, deflate', authorization: 'Bearer x' },
      },
    ],
    [
      'a browser whose user has typed the address',
      {
        ...{ 'sec-ch-ua': '"Chromium";v="140"', 'sec-ch-ua-mobile': '?0', 'sec-ch-ua-platform': '"Linux"' },
        ...{ 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', 'sec-fetch-user': '?1' },
        ...{ 'sec-fetch-dest': 'document', 'upgrade-insecure-requests': '1', cookie: 'a=b', dnt: '1' },
        ...{ 'cache-control': 'max-age=0', priority: 'u=0, i', 'if-none-match': '"x"' },
      },
    ],
    [
      'a page of the application itself',
      {
        'sec-fetch-site': 'same-origin',
        referer: 'http://localhost:3000/lifeguard',
        'x-requested-with': 'fetch',
      },
    ],
    [
      'a test that is traced',
      { traceparent: '00-a-b-01', tracestate: 'x=y', baggage: 'a=b', 'x-datadog-trace-id': '1' },
    ],
    ['Prometheus', { 'x-prometheus-scrape-timeout-seconds': '10' }],
    [
      'curl that offers HTTP/2',
      { upgrade: 'h2c', 'http2-settings': 'AAMA', connection: 'Upgrade, HTTP2-Settings' },
    ],
  ])('is not doubted: %s', (_program, headers) => {
    expect(doubtOf(withHeaders(headers))).toBeUndefined()
  })

  it.each(['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1', '::FFFF:127.0.0.1'])(
    'may come from %s',
    (remoteAddress) => {
      expect(doubtOf({ ...local, socket: { remoteAddress } })).toBeUndefined()
    },
  )
})

describe('a request is doubted', () => {
  it.each([
    ...['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port'],
    ...['x-forwarded-prefix', 'x-forwarded-server', 'x-forwarded-client-cert', 'x-original-forwarded-for'],
    ...['x-real-ip', 'x-client-ip', 'x-cluster-client-ip', 'client-ip', 'true-client-ip', 'x-original-url'],
    ...[
      'cf-ray',
      'cf-connecting-ip',
      'cf-visitor',
      'cf-ipcountry',
      'cdn-loop',
      'fastly-client-ip',
      'fastly-ssl',
    ],
    ...[
      'x-envoy-external-address',
      'x-envoy-attempt-count',
      'x-request-id',
      'x-b3-traceid',
      'x-request-start',
    ],
    ...['fly-client-ip', 'fly-region', 'x-amzn-trace-id', 'x-amz-cf-id', 'x-azure-ref', 'x-azure-clientip'],
    ...[
      'x-arr-log-id',
      'x-appengine-user-ip',
      'x-cloud-trace-context',
      'x-vercel-id',
      'x-nf-client-connection-ip',
    ],
    ...['x-varnish', 'x-akamai-edgescape', 'akamai-origin-hop', 'x-kong-request-id', 'ssl-client-verify'],
    ...[
      'front-end-https',
      'x-scheme',
      'x-proxyuser-ip',
      'proxy-connection',
      'max-forwards',
      'early-data',
      'cdn-x-y',
    ],
  ])('for the header %s', (name) => {
    expect(doubtOf(withHeaders({ [name]: '1' }))).toBe(`a proxy may have added the header ${name}`)
    expect(doubtOf(withHeaders({ [name.toUpperCase()]: '' }))).toBeDefined()
  })

  it.each([
    ['10.0.0.7', 'it does not come from a loopback address'],
    ['::ffff:10.0.0.7', 'it does not come from a loopback address'],
    ['1127.0.0.1', 'it does not come from a loopback address'],
    ['127.0.0.1.example.com', 'it does not come from a loopback address'],
    ['fe80::1', 'it does not come from a loopback address'],
    ['', 'it does not come from a loopback address'],
    [undefined, 'it does not come from a loopback address'],
  ])('from %s', (remoteAddress, doubt) => {
    expect(doubtOf({ ...local, socket: { remoteAddress } })).toBe(doubt)
  })

  it.each(['1.0', '0.9', '', undefined])('in HTTP %s', (httpVersion) => {
    expect(doubtOf({ ...local, httpVersion })).toBe('it is neither HTTP/1.1 nor HTTP/2')
  })

  it.each(['http://localhost:3000/lifeguard', 'localhost:3000', '*'])('for the target %s', (url) => {
    expect(doubtOf({ ...local, url })).toBe('it was addressed to a forward proxy')
  })

  it.each<[Record<string, string | string[]>]>([
    [{ origin: 'https://evil.example' }],
    [{ origin: 'http://localhost:3000' }],
    [{ origin: 'null' }],
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
    [{ referer: 'https://evil.example/' }],
    [{ referer: 'http://localhost:5173/' }],
    [{ referer: 'about:client' }],
    [{ referer: ['http://localhost:3000/', 'http://localhost:3000/'] }],
  ])('for what a browser says of the page: %j', (headers) => {
    expect(doubtOf(withHeaders(headers))).toMatch(/^a web page of another (origin|site) /)
  })

  it.each([
    ...[
      'shop.example.com',
      'localhost.example.com',
      '127.0.0.1.example.com',
      '0.0.0.0',
      '2130706433',
      '127.1',
    ],
    ...['app.localhost', 'localhost.', 'user@localhost', 'localhost:3000, shop.example.com', '', '[::]'],
  ])('for the Host %j', (host) => {
    expect(doubtOf(withHeaders({ host }))).toBe('its Host is not a name of this machine')
  })

  it('without a Host, and where Host and :authority are not both of this machine', () => {
    expect(doubtOf({ ...local, headers: {} })).toBeDefined()
    expect(doubtOf(withHeaders({ ':authority': 'shop.example.com' }))).toBeDefined()
    expect(doubtOf(withHeaders({ ':authority': 'localhost' }))).toBeUndefined()
  })

  it('in a reason that is short however long a header is', () => {
    expect(doubtOf(withHeaders({ [`x-${'y'.repeat(10_000)}`]: '1' }))?.length).toBeLessThan(120)
  })
})
