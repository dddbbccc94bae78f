import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** The other side of a connection, byte by byte: what an HTTP client does on its own would be in the way. */
export interface Peer {
  readonly socket: Socket
  send(text: string): void
  /** Resolves when the text has been received after what was read before. */
  receive(text: string): Promise<void>
  readonly closed: Promise<unknown>
}

export async function connectPeer(port: number): Promise<Peer> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => {
    socket.destroy()
  })
  let received = ''
  let arrived = () => {}
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    received += chunk
    arrived()
  })
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await once(socket, 'connect')
  return {
    socket,
    closed,
    send: (text) => {
      socket.write(text)
    },
    async receive(text) {
      while (!received.includes(text)) {
        await new Promise<void>((resolve) => {
          arrived = resolve
        })
      }
      received = received.slice(received.indexOf(text) + text.length)
    },
  }
}

export function get(path: string, headers: Readonly<Record<string, string>> = {}): string {
  return head('GET', path, headers)
}

export function post(path: string, bytes: number, start: string): string {
  return (
    head('POST', path, { 'content-type': 'application/octet-stream', 'content-length': `${bytes}` }) + start
  )
}

function head(method: string, path: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ host: 'lives', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}
