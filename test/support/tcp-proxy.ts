import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { messageBoundaries } from './message-boundaries.ts'

// Taken before a test replaces the clock: the network does not follow fake timers.
const { setTimeout, setImmediate } = globalThis
const now = performance.now.bind(performance)

const splitPauseMillis = 1
const queueLimitBytes = 1024 * 1024

export interface TcpProxy {
  readonly port: number
  /** The same database by way of the proxy. */
  url(databaseUrl: string): string
  /** How many clients are connected. */
  connections(): number
  /** Closes all connections on both sides, frozen or not; new ones are served. */
  cut(): void
  /** The same with a reset instead of an orderly end: ECONNRESET at the client. */
  reset(): void
  /** Holds back all bytes, and the ends of connections too, like a network that went silent. */
  freeze(): void
  /** Holds back what clients send; what the server says still arrives. */
  freezeToServer(): void
  /** Holds back what the server says; what clients send still arrives. */
  freezeToClient(): void
  /** Delivers what was held back, in order, and goes on. */
  thaw(): void
  /** Lets everything the server says arrive so much later; 0 ends it. */
  delayResponses(millis: number): void
  /**
   * Delivers the server's messages one at a time, so that those it sent together (ErrorResponse and ReadyForQuery)
   * reach the client in different packets and in different turns of the event loop; false ends it.
   */
  splitPackets(split?: boolean): void
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Stands between clients and a server on this machine, and does what a bad network does. Without a port, on any. */
export async function startProxy(targetPort: number, targetHost = '127.0.0.1', port = 0): Promise<TcpProxy> {
  const toServer: Direction = { gate: createGate(), delayMillis: 0, split: false }
  const toClient: Direction = { gate: createGate(), delayMillis: 0, split: false }
  const links = new Set<readonly [Socket, Socket]>()

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = connect({ port: targetPort, host: targetHost, allowHalfOpen: true, noDelay: true })
    const link = [client, server] as const
    links.add(link)
    client.once('close', () => links.delete(link))
    const boundaries = messageBoundaries()
    client.on('data', boundaries.noteClientBytes)
    forward(client, server, toServer, () => [])
    forward(server, client, toClient, boundaries.endsIn)
  })
  listener.listen(port, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy got no port')
  const ownPort = address.port

  const onEachSocket = (act: (socket: Socket) => void) => {
    for (const link of links) link.forEach(act)
  }
  const freezeToServer = () => toServer.gate.shut()
  const freezeToClient = () => toClient.gate.shut()
  const thaw = () => {
    toServer.gate.open()
    toClient.gate.open()
  }
  const close = async () => {
    if (!listener.listening) return
    const closed = once(listener, 'close')
    listener.close()
    onEachSocket((socket) => socket.destroy())
    thaw()
    await closed
  }

  return {
    port: ownPort,
    url(databaseUrl) {
      const url = new URL(databaseUrl)
      url.hostname = '127.0.0.1'
      url.port = String(ownPort)
      return url.href
    },
    connections: () => links.size,
    cut() {
      for (const [client, server] of links) {
        // Not destroyed: with bytes of the client still unread that would be a reset.
        client.end()
        server.destroy()
      }
    },
    reset: () => onEachSocket((socket) => socket.resetAndDestroy()),
    freeze() {
      freezeToServer()
      freezeToClient()
    },
    freezeToServer,
    freezeToClient,
    thaw,
    delayResponses(millis) {
      toClient.delayMillis = millis
    },
    splitPackets(split = true) {
      toClient.split = split
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface Direction {
  gate: Gate
  delayMillis: number
  split: boolean
}

interface Parcel {
  dueAt: number
  size: number
  deliver(): Promise<void> | void
}

/** Passes on bytes, end and failure of the source in their order, each when the direction lets it. */
function forward(
  source: Socket,
  sink: Socket,
  direction: Direction,
  endsIn: (chunk: Buffer) => number[],
): void {
  const queue: Parcel[] = []
  let queuedBytes = 0
  let pumping = false

  const enqueue = (size: number, deliver: Parcel['deliver']) => {
    queue.push({ dueAt: now() + direction.delayMillis, size, deliver })
    queuedBytes += size
    if (queuedBytes > queueLimitBytes) source.pause()
    if (!pumping) void pump()
  }

  const pump = async () => {
    pumping = true
    for (let parcel = queue.shift(); parcel; parcel = queue.shift()) {
      const wait = parcel.dueAt - now()
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      await direction.gate.passed()
      await parcel.deliver()
      queuedBytes -= parcel.size
      if (queuedBytes <= queueLimitBytes) source.resume()
    }
    pumping = false
  }

  source.on('data', (chunk: Buffer) => {
    const ends = endsIn(chunk)
    enqueue(chunk.length, () => (direction.split ? writeSeparately(sink, chunk, ends) : write(sink, chunk)))
  })
  source.on('end', () => enqueue(0, () => void sink.end()))
  source.on('error', () => enqueue(0, () => void sink.resetAndDestroy()))
}

async function writeSeparately(sink: Socket, chunk: Buffer, ends: number[]): Promise<void> {
  let start = 0
  for (const end of new Set([...ends, chunk.length])) {
    await write(sink, chunk.subarray(start, end))
    start = end
    // A client in this very process reads in the poll phase, which lies between every timer and the immediate after it.
    await new Promise((resolve) => setTimeout(() => setImmediate(resolve), splitPauseMillis))
  }
}

/** Fulfilled when the bytes are with the kernel, or cannot be any more. */
function write(sink: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (sink.writable) sink.write(bytes, () => resolve())
    else resolve()
  })
}

type Gate = ReturnType<typeof createGate>

function createGate() {
  let opened: Promise<void> | undefined
  let release = () => {}
  return {
    shut() {
      opened ??= new Promise((resolve) => {
        release = resolve
      })
    },
    open() {
      release()
      opened = undefined
    },
    async passed() {
      while (opened) await opened
    },
  }
}
