import { once } from 'node:events'
import type { ServerOptions } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { Exchange } from './hosts.ts'
import { get, type Peer, post } from './peer.ts'

/** What becomes of a request, seen from both ends. */
export interface Life {
  readonly name: string
  /** Default: `GET /lives/:id`. */
  readonly route?: string
  /** How its scope ends. */
  readonly ending: string
  readonly server?: ServerOptions
  /** Calls `hold` where the handler checks its client out, and returns where a correct handler releases it. */
  serve(exchange: Exchange, hold: () => Promise<void>): Promise<void>
  /** The client. `held` resolves when the handler has what it wanted. */
  visit(peer: Peer, held: Promise<void>): Promise<void>
  /** Requests for `/lives/other` are answered by this one, and hold nothing. Default: with `other`. */
  serveOther?(exchange: Exchange): void
}

const answered = 'answered'
const aborted = 'the client aborted'

/** The events of a response that was cut off end with `close`. */
const closing = ({ response }: Exchange) => once(response, 'close')

export const lives: readonly Life[] = [
  {
    name: 'is answered',
    ending: answered,
    async serve({ response }, hold) {
      await hold()
      response.end('done')
    },
    async visit(peer) {
      peer.send(get('/lives/7?token=secret'))
      await peer.receive('done')
    },
  },
  {
    name: 'is answered by the error handler',
    ending: answered,
    async serve({ fail }, hold) {
      await hold()
      fail(new Error('no such life'))
    },
    async visit(peer) {
      peer.send(get('/lives/7'))
      await peer.receive('500 Internal Server Error')
      // The error handler lists what the request holds.
      await peer.receive('"pool":"main"')
    },
  },
  {
    name: 'is aborted before the answer',
    ending: aborted,
    async serve(exchange, hold) {
      const closed = closing(exchange)
      await hold()
      await closed
    },
    async visit(peer, held) {
      peer.send(get('/lives/7'))
      await held
      peer.socket.destroy()
    },
  },
  {
    name: 'is reset in the middle of the answer',
    ending: aborted,
    async serve(exchange, hold) {
      const closed = closing(exchange)
      await hold()
      exchange.response.write('begun')
      await closed
    },
    async visit(peer) {
      peer.send(get('/lives/7'))
      await peer.receive('begun')
      peer.socket.resetAndDestroy()
    },
  },
  {
    name: 'sends events until the client leaves',
    ending: aborted,
    async serve(exchange, hold) {
      const { response } = exchange
      const closed = closing(exchange)
      await hold()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const timer = setInterval(() => response.write('data: tick\n\n'), 5)
      await closed
      clearInterval(timer)
    },
    async visit(peer) {
      peer.send(get('/lives/7'))
      await peer.receive('data: tick')
      await peer.receive('data: tick')
      peer.socket.end()
    },
  },
  {
    name: 'is aborted while it uploads',
    route: 'POST /lives/:id',
    ending: aborted,
    async serve(exchange, hold) {
      const closed = closing(exchange)
      exchange.request.on('error', () => {}).resume()
      await hold()
      await closed
    },
    async visit(peer, held) {
      peer.send(post('/lives/7', 1000, 'a part'))
      await held
      peer.socket.destroy()
    },
  },
  {
    name: 'checks its client out when the upload is complete',
    route: 'POST /lives/:id',
    ending: answered,
    async serve({ request, response }, hold) {
      await new Promise<void>((resolve, reject) => {
        // The callback runs off the connection: nothing but the request itself says whose it is.
        request.resume().on('end', () => hold().then(resolve, reject))
      })
      response.end('done')
    },
    async visit(peer) {
      peer.send(post('/lives/7', 10, '01234'))
      peer.send('56789')
      await peer.receive('done')
    },
  },
  {
    name: 'goes on after the client has left',
    ending: aborted,
    async serve({ response }, hold) {
      await new Promise<void>((resolve, reject) => {
        response.on('close', () => hold().then(resolve, reject))
        response.write('begun')
      })
    },
    async visit(peer) {
      peer.send(get('/lives/7'))
      await peer.receive('begun')
      peer.socket.destroy()
    },
  },
  {
    name: 'is cut off by the timeout of its response',
    ending: 'the server cut the connection',
    async serve(exchange, hold) {
      const closed = closing(exchange)
      await hold()
      exchange.response.setTimeout(20)
      await closed
    },
    async visit(peer) {
      peer.send(get('/lives/7'))
      await peer.closed
    },
  },
  {
    name: 'is cut off by the timeout of its request',
    route: 'POST /lives/:id',
    ending: 'the request timed out',
    server: { requestTimeout: 60, headersTimeout: 60, connectionsCheckingInterval: 20 },
    async serve(exchange, hold) {
      const closed = closing(exchange)
      exchange.request.on('error', () => {}).resume()
      await hold()
      await closed
    },
    async visit(peer) {
      peer.send(post('/lives/7', 1000, 'a part'))
      await peer.closed
    },
  },
  {
    name: 'is followed by another one on its connection',
    ending: answered,
    async serve({ response }, hold) {
      await hold()
      response.end('first')
    },
    async visit(peer) {
      peer.send(get('/lives/7'))
      await peer.receive('first')
      peer.send(get('/lives/other'))
      await peer.receive('other')
    },
  },
  {
    name: 'waits behind another one on its connection, and is answered',
    ending: answered,
    async serve({ response }, hold) {
      await hold()
      response.end('second')
    },
    serveOther({ response }) {
      void pause(20).then(() => response.end('other'))
    },
    async visit(peer) {
      peer.send(get('/lives/other') + get('/lives/7'))
      await peer.receive('other')
      await peer.receive('second')
    },
  },
  {
    name: 'waits behind another one on its connection, which is lost',
    ending: aborted,
    // Node never tells a response of this sort that it is closed.
    async serve({ response }, hold) {
      await hold()
      response.end('second')
    },
    serveOther() {},
    async visit(peer, held) {
      peer.send(get('/lives/other') + get('/lives/7'))
      await held
      peer.socket.destroy()
    },
  },
]
