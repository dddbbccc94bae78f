import { expect, it } from 'vitest'
import { readLimited } from '../../src/service/limited-body.ts'

it('reads a text that comes in pieces, also where one ends within a character', async () => {
  const bytes = Buffer.from('a\u20acb')
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.subarray(0, 2))
      controller.enqueue(bytes.subarray(2))
      controller.close()
    },
  })
  expect(await readLimited(new Response(body), bytes.length)).toBe('a\u20acb')
  expect(await readLimited(new Response(null), 1)).toBe('')
})

it('reads no more than it may, and says farewell', async () => {
  let pulled = 0
  let isCancelled = false
  const body = new ReadableStream({
    pull(controller) {
      pulled += 1
      controller.enqueue(new Uint8Array(10))
    },
    cancel() {
      isCancelled = true
    },
  })
  expect(await readLimited(new Response(body), 25)).toBeUndefined()
  expect(isCancelled).toBe(true)
  expect(pulled).toBeLessThan(6)
})
