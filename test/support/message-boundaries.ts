const sslRequest = 80877103
const gssRequest = 80877104
const refusal = 'N'.charCodeAt(0)
const headerSize = 5

/**
 * Finds where the server's protocol messages end: each is a type byte, a length, a body. Two answers have no such form:
 * the single byte for a client that asks for encryption, and everything after it has been granted.
 */
export function messageBoundaries() {
  const header = Buffer.alloc(headerSize)
  let headerBytes = 0
  let bodyBytes = 0
  let startingUp = true
  let encryptionAsked = false
  let encrypted = false

  /** To be given all that the client sends. */
  function noteClientBytes(chunk: Buffer): void {
    if (!startingUp) return
    const code = chunk.length >= 8 ? chunk.readInt32BE(4) : 0
    encryptionAsked = code === sslRequest || code === gssRequest
    startingUp = encryptionAsked
  }

  /** To be given all that the server sends: the offsets in the chunk behind which a message is complete. */
  function endsIn(chunk: Buffer): number[] {
    const ends: number[] = []
    let at = 0
    if (encryptionAsked && chunk.length > 0) {
      encryptionAsked = false
      encrypted = chunk[0] !== refusal
      at = 1
      ends.push(at)
    }
    while (!encrypted && at < chunk.length) {
      if (headerBytes < headerSize) {
        const copied = chunk.copy(header, headerBytes, at, at + headerSize - headerBytes)
        headerBytes += copied
        at += copied
        if (headerBytes < headerSize) break
        bodyBytes = header.readInt32BE(1) - 4
      }
      const taken = Math.min(bodyBytes, chunk.length - at)
      bodyBytes -= taken
      at += taken
      if (bodyBytes > 0) break
      ends.push(at)
      headerBytes = 0
    }
    return ends
  }

  return { noteClientBytes, endsIn }
}
