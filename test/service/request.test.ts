import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { request } from '../../src/service/request.ts'
import { eventually } from '../support/eventually.ts'
import { collectGarbage } from '../support/garbage.ts'

const limits = { headers: {}, mostBytes: 1024 * 1024, answerMillis: 30_000 }

async function serve(handle: http.RequestListener) {
  const server = http.createServer(handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** Answers with a byte from time to time, for ever. */
const trickle = (isClosed: { value: boolean }) =>
  serve((_, response) => {
    const timer = setInterval(() => response.write(' '), 10)
    response.on('close', () => {
      clearInterval(timer)
      isClosed.value = true
    })
  })

it('has status and body, of text in pieces too', async () => {
  const url = await serve(({ headers }, response) => {
    const bytes = Buffer.from(`a\u20acb ${headers['x-name']}`)
    response.writeHead(404)
    response.write(bytes.subarray(0, 2))
    setImmediate(() => response.end(bytes.subarray(2)))
  })
  expect(await request(url, { ...limits, headers: { 'x-name': 'c' } })).toEqual({
    status: 404,
    body: 'a\u20acb c',
  })
})

it('reads no more bytes than it may', async () => {
  const url = await serve((_, response) => void response.end(Buffer.alloc(2 * 1024 * 1024)))
  await expect(request(url, limits)).rejects.toThrow('the answer is larger than 1 MB')
})

it('ends in time, whatever trickles in', async () => {
  const isClosed = { value: false }
  const url = await trickle(isClosed)
  await expect(request(url, { ...limits, answerMillis: 100 })).rejects.toThrow(
    'no complete answer within 100 ms',
  )
  await eventually(() => expect(isClosed.value).toBe(true))
})

it('is aborted also after garbage was collected while the body came', async () => {
  const isClosed = { value: false }
  const url = await trickle(isClosed)
  const controller = new AbortController()
  const answer = request(url, { ...limits, signal: controller.signal })
  answer.catch(() => {})
  await pause(100)
  collectGarbage()
  controller.abort()
  await expect(answer).rejects.toThrow('aborted')
  await eventually(() => expect(isClosed.value).toBe(true))
  await expect(request(url, { ...limits, signal: AbortSignal.abort() })).rejects.toThrow('aborted')
})

it('says so when the answer breaks off', async () => {
  const url = await serve((_, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('{')
    setImmediate(() => response.destroy())
  })
  await expect(request(url, limits)).rejects.toThrow(/aborted|broke off|hang up/)
})

it('follows no redirection', async () => {
  const url = await serve((_, response) => {
    response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()
  })
  expect(await request(url, limits)).toEqual({ status: 302, body: '' })
})
