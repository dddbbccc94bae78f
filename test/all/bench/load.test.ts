import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { sendRequests } from '../../../bench/load.ts'

let close = () => {}
afterEach(() => close())

/** A service that counts, and answers when `held` requests are there. */
async function startService(held: number, status = 200) {
  let served = 0
  const waiting: (() => void)[] = []
  const server = createServer((_, response) => {
    served += 1
    waiting.push(() => response.writeHead(status).end('{}'))
    if (waiting.length < held) return
    for (const answer of waiting.splice(0)) answer()
  }).listen(0, '127.0.0.1')
  close = () => {
    server.close()
    server.closeAllConnections()
  }
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/`, served: () => served }
}

it('has a hundred requests under way at once, and sends as many as asked for', async () => {
  const service = await startService(100)

  await sendRequests(service.url, 300)

  expect(service.served()).toBe(300)
})

it('fails when the service does not answer with success', async () => {
  const service = await startService(1, 503)

  await expect(sendRequests(service.url, 1)).rejects.toThrow('answered 503')
})
