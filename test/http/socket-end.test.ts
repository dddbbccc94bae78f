import { EventEmitter } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { endWithSocket } from '../../src/http/socket-end.ts'

class Socket extends EventEmitter {
  destroyed = false
}

describe('the end of a socket', () => {
  it('ends every request that waits on it, once', () => {
    const socket = new Socket()
    const [first, second] = [vi.fn(), vi.fn()]
    endWithSocket(socket, first)
    endWithSocket(socket, second)
    expect(first).not.toHaveBeenCalled()
    socket.emit('close')
    socket.emit('close')
    expect([first, second].map((end) => end.mock.calls.length)).toEqual([1, 1])
  })

  it('costs one listener, however many requests share the connection', () => {
    const socket = new Socket()
    for (let request = 0; request < 100; request++) endWithSocket(socket, () => {})
    expect(socket.listenerCount('close')).toBe(1)
  })

  it('ends nothing that was taken back', () => {
    const socket = new Socket()
    const [over, waiting] = [vi.fn(), vi.fn()]
    const forget = endWithSocket(socket, over)
    endWithSocket(socket, waiting)
    forget()
    socket.emit('close')
    expect(over).not.toHaveBeenCalled()
    expect(waiting).toHaveBeenCalledOnce()
  })

  it('ends a request at once whose socket is closed already', () => {
    const end = vi.fn()
    endWithSocket(Object.assign(new Socket(), { destroyed: true }), end)()
    expect(end).toHaveBeenCalledOnce()
  })

  it.each([undefined, null, {}, { on: 'close' }])('is never seen of %j, which is no socket', (socket) => {
    const end = vi.fn()
    expect(() => endWithSocket(socket as never, end)()).not.toThrow()
    expect(end).not.toHaveBeenCalled()
  })
})
