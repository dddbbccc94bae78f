// @ts-check
import { Buffer } from 'node:buffer'
import { Duplex } from 'node:stream'

/** Bytes of the PostgreSQL protocol: a type, a length that counts itself, and the content. */
const message = (/** @type {string} */ type, /** @type {Buffer} */ content) => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(content.length + 4)
  return Buffer.concat([Buffer.from(type), length, content])
}
const authenticationOk = message('R', Buffer.alloc(4))
const backendKeyData = message('K', Buffer.alloc(8, 1))
const commandComplete = message('C', Buffer.from('SELECT 0\0'))
const readyForQuery = (/** @type {'I' | 'T'} */ status) => message('Z', Buffer.from(status))

const welcome = Buffer.concat([authenticationOk, backendKeyData, readyForQuery('I')])
const outside = Buffer.concat([commandComplete, readyForQuery('I')])
const inside = Buffer.concat([commandComplete, readyForQuery('T')])

/**
 * For the `stream` option of node-postgres: a server that lets everybody in and does nothing, in memory. It follows
 * BEGIN, COMMIT and ROLLBACK; the driver above it is the real one.
 */
export function offlineSocket() {
  let greeted = false
  let answer = outside
  const socket = new Duplex({
    read() {},
    write(/** @type {Buffer} */ chunk, _encoding, done) {
      done()
      if (!greeted) {
        greeted = true
        reply(welcome)
      } else if (chunk.toString('latin1', 0, 1) === 'Q') {
        const statement = chunk.toString('utf8', 5, chunk.length - 1)
        if (/^begin/i.test(statement)) answer = inside
        if (/^(commit|rollback)/i.test(statement)) answer = outside
        reply(answer)
      }
    },
    final(done) {
      socket.push(null)
      done()
    },
  })
  // No server answers before the driver has returned from sending.
  const reply = (/** @type {Buffer} */ bytes) => process.nextTick(() => socket.push(bytes))
  const same = () => socket
  return Object.assign(socket, {
    connect() {
      process.nextTick(() => socket.emit('connect'))
      return socket
    },
    setNoDelay: same,
    setKeepAlive: same,
    ref: same,
    unref: same,
  })
}
