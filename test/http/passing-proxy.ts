import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'

export interface ProxyTraits {
  /** nginx before 1.29.7 speaks 1.0 to its upstream, unless it is told otherwise. */
  readonly httpVersion: '1.0' | '1.1'
  /** What the configuration adds: `proxy_set_header`. */
  readonly adds?: Readonly<Record<string, string>>
}

/**
 * A reverse proxy as nginx is with nothing but `proxy_pass http://127.0.0.1:port`: it passes the headers of its client on,
 * but for those of the connection, and sends the address of the upstream as Host. Adds nothing by itself.
 */
export async function passingProxy(
  upstream: number,
  { httpVersion, adds = {} }: ProxyTraits,
): Promise<number> {
  const server = http.createServer((request, response) => {
    const dropped = new Set(['host', 'connection', 'keep-alive', 'te', 'transfer-encoding', 'upgrade'])
    const passed = Object.entries(request.headers).filter(([name]) => !dropped.has(name))
    const headers = Object.entries({ host: `127.0.0.1:${upstream}`, connection: 'close', ...adds })
    const lines = [...headers, ...passed].map(([name, value]) => `${name}: ${value}`)
    const head = [`${request.method} ${request.url} HTTP/${httpVersion}`, ...lines]
    void rawRequest(upstream, `${head.join('\r\n')}\r\n\r\n`).then(({ status, body }) => {
      response.writeHead(status).end(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

export interface RawResponse {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Sends bytes as they are, and reads until the server closes. */
export async function rawRequest(to: number | string, request: string): Promise<RawResponse> {
  const socket = typeof to === 'number' ? net.connect(to, '127.0.0.1') : net.connect(to)
  socket.end(request)
  const answer = await text(socket)
  const [head = '', body = ''] = answer.split(/\r\n\r\n(.*)/s)
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), head, body }
}
