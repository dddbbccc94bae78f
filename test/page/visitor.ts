import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Told {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
}

export interface Ask {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** Not `fetch`, which sets Host as it likes. */
export function ask(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: Ask = {},
): Promise<Told> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: '127.0.0.1', port, path, method, headers, agent: false },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        )
      },
    )
    request.on('error', reject).end(body)
  })
}

export async function listen(
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<number> {
  const server = http.createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

export interface Change {
  readonly at: number
  readonly first?: boolean
  readonly set?: Record<string, Record<string, Record<string, unknown>>>
  readonly drop?: Record<string, string[]>
}

/** Follows the events of a page. */
export async function follow(port: number, path: string, headers: Record<string, string> = {}) {
  const request = http.get({ host: '127.0.0.1', port, path, headers, agent: false })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  onTestFinished(() => void request.destroy())
  response.setEncoding('utf8')
  const pieces = response[Symbol.asyncIterator]()
  let rest = ''
  const waiting: Change[] = []
  return {
    headers: response.headers,
    async next(): Promise<Change> {
      for (;;) {
        const known = waiting.shift()
        if (known !== undefined) return known
        const { value, done } = await pieces.next()
        if (done === true) throw new Error('the feed has ended')
        const events = (rest + String(value)).split('\n\n')
        rest = events.pop() ?? ''
        waiting.push(...events.map((event) => JSON.parse(event.replace(/^data: /, '')) as Change))
      }
    },
    close: () => void request.destroy(),
  }
}
