import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { neonConfig } from '@neondatabase/serverless'
import { afterAll, beforeAll } from 'vitest'
import { createWebSocketStream, WebSocketServer } from 'ws'

/** What Neon's driver speaks to: passes what comes by WebSocket on to the server at `?address=host:port`. */
async function startWebSocketProxy() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  server.on('connection', (socket, request) => {
    const address = new URL(request.url ?? '', 'ws://proxy').searchParams.get('address') ?? ''
    const [host = '', port] = address.split(':')
    const upstream = connect(Number(port), host)
    const downstream = createWebSocketStream(socket)
    // Either side may end first, and however it likes.
    for (const [one, other] of [
      [upstream, downstream],
      [downstream, upstream],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
      one.pipe(other)
    }
  })
  const { port } = server.address() as AddressInfo
  return {
    /** For `neonConfig.wsProxy`. */
    address: (host: string, serverPort: number | string) =>
      `127.0.0.1:${port}/v1?address=${host}:${serverPort}`,
    close() {
      for (const client of server.clients) client.terminate()
      server.close()
    },
  }
}

/** Leads Neon's driver, which speaks to WebSockets alone, to the test's server. */
export async function startNeonProxy() {
  const proxy = await startWebSocketProxy()
  neonConfig.wsProxy = proxy.address
  neonConfig.useSecureWebSocket = false
  neonConfig.pipelineConnect = false
  return proxy
}

/** The same for the tests of one file. */
export function useNeonProxy(): void {
  let proxy: Awaited<ReturnType<typeof startNeonProxy>>
  beforeAll(async () => {
    proxy = await startNeonProxy()
  })
  afterAll(() => proxy.close())
}
