/** The part of a socket that is used. */
export interface SocketLike {
  readonly destroyed?: boolean
  readonly readableEnded?: boolean
  readonly errored?: ({ readonly code?: string } & Error) | null
  on?(event: 'close', listener: () => void): unknown
}

const waiting = new WeakMap<SocketLike, Set<() => void>>()

/**
 * Calls `end` when the socket closes; at once, if it has closed. Adds one listener per socket for all of its requests.
 *
 * @returns a function that removes the call
 */
export function endWithSocket(socket: SocketLike | null | undefined, end: () => void): () => void {
  if (!socket || typeof socket.on !== 'function') return () => {}
  if (socket.destroyed === true) {
    end()
    return () => {}
  }
  const known = waiting.get(socket)
  const ends = known ?? new Set()
  ends.add(end)
  if (known === undefined) {
    waiting.set(socket, ends)
    socket.on('close', () => {
      for (const one of ends) one()
      ends.clear()
    })
  }
  return () => ends.delete(end)
}
