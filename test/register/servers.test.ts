import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { followRequests } from '../../src/register/servers.ts'

it('runs each request of each server from the first one on, and no other event', async () => {
  const run: (string | undefined)[] = []
  const inside: boolean[] = []
  let depth = 0
  followRequests((request, _response, handle) => {
    run.push(request.url)
    depth += 1
    const result = handle()
    depth -= 1
    return result
  })
  const server = createServer((_request, response) => {
    inside.push(depth === 1)
    response.end()
  })
  server.on('connection', () => inside.push(depth === 0))
  server.on('checkContinue', (_request, response) => {
    inside.push(depth === 1)
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await (await fetch(`${url}/first`)).text()
  await (await fetch(`${url}/second`)).text()
  expect(run).toEqual(['/first', '/second'])
  expect(inside.every(Boolean)).toBe(true)
})
