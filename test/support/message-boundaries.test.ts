import { expect, it } from 'vitest'
import { messageBoundaries } from './message-boundaries.ts'

function message(type: string, bodySize: number): Buffer {
  const bytes = Buffer.alloc(5 + bodySize, type)
  bytes.writeInt32BE(4 + bodySize, 1)
  return bytes
}

function clientRequest(code: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeInt32BE(8, 0)
  bytes.writeInt32BE(code, 4)
  return bytes
}

const sslRequest = clientRequest(80877103)
const startup = clientRequest(196608)
const stream = Buffer.concat([message('T', 30), message('n', 0), message('D', 9), message('Z', 1)])
const expected = [35, 40, 54, 60]

it('finds the ends of messages, however they are cut into chunks', () => {
  for (let size = 1; size <= stream.length; size += 1) {
    const { noteClientBytes, endsIn } = messageBoundaries()
    noteClientBytes(startup)
    const found: number[] = []
    for (let at = 0; at < stream.length; at += size) {
      found.push(...endsIn(stream.subarray(at, at + size)).map((end) => at + end))
    }
    expect(found, `chunks of ${size} bytes`).toEqual(expected)
  }
})

it('takes the refusal of encryption for a message of one byte', () => {
  const { noteClientBytes, endsIn } = messageBoundaries()
  noteClientBytes(sslRequest)
  expect(endsIn(Buffer.from('N'))).toEqual([1])
  noteClientBytes(startup)
  expect(endsIn(stream)).toEqual(expected)
})

it('looks for none in what is encrypted', () => {
  const { noteClientBytes, endsIn } = messageBoundaries()
  noteClientBytes(sslRequest)
  expect(endsIn(Buffer.from('S'))).toEqual([1])
  expect(endsIn(stream)).toEqual([])
})
