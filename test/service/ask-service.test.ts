import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { askService, fieldOf, pathBelow, serviceUrl, textOf } from '../../src/service/ask-service.ts'
import { eventually } from '../support/eventually.ts'

const access = { token: undefined, tokenName: 'token' }
const lifeguard = JSON.stringify({ service: 'pg-lifeguard', workingDirectory: '/srv/app' })

async function serve(handle: http.RequestListener) {
  const server = http.createServer(handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}/lifeguard`
}

it('takes user and password of the URL as such, and shows them nowhere', async () => {
  const seen: (string | undefined)[] = []
  const place = await serve(({ headers, url }, response) => {
    seen.push(`${headers.authorization} ${url}`)
    response.end(url === '/lifeguard?key=hunter33' ? lifeguard : '<html>')
  })
  const service = await askService(`http://app:hunter%2322@${place}/?key=hunter33`, access)
  expect(service.url).toBe(`http://${place}`)
  expect(seen).toEqual([`Basic ${Buffer.from('app:hunter#22').toString('base64')} /lifeguard?key=hunter33`])
  const failed = await service.ask('snapshot').catch((error: unknown) => error)
  expect(failed).toMatchObject({
    code: 'LIFEGUARD_CONNECTION',
    message: `http://${place}/snapshot: the answer is not JSON`,
  })
  const refused = await askService('http://app:hunter22@127.0.0.1:9/lifeguard', access).catch(String)
  expect(refused).not.toContain('hunter22')
})

it('prefers a token to the password of the URL', async () => {
  let authorization: string | undefined
  const place = await serve(({ headers }, response) => {
    authorization = headers.authorization
    response.end(lifeguard)
  })
  await askService(`http://app:hunter22@${place}`, { ...access, token: 'open sesame' })
  expect(authorization).toBe('Bearer open sesame')
})

it('gives up on an answer that never ends, before it fills the memory', async () => {
  let sent = 0
  let isClosed = false
  const place = await serve((_, response) => {
    response.on('close', () => {
      isClosed = true
    })
    const chunk = Buffer.alloc(1024 * 1024, ' ')
    const send = () => {
      while (!isClosed) {
        sent += chunk.length
        if (!response.write(chunk)) return void response.once('drain', send)
      }
    }
    send()
  })
  await expect(askService(`http://${place}`, access)).rejects.toThrow(
    `http://${place}: the answer is larger than 32 MB`,
  )
  await eventually(() => expect(isClosed).toBe(true))
  expect(sent).toBeLessThan(128 * 1024 * 1024)
})

it('calls a slow answer slow, not broken: one that trickles, and one that does not begin', async () => {
  const trickle = await serve((_, response) => {
    const timer = setInterval(() => response.write(' '), 10)
    response.on('close', () => clearInterval(timer))
  })
  const silent = await serve(() => {})
  for (const place of [trickle, silent]) {
    await expect(askService(`http://${place}`, { ...access, answerMillis: 200 })).rejects.toThrow(
      `http://${place}: no complete answer within 200 ms`,
    )
  }
})

it('gives up when it is told to', async () => {
  const controller = new AbortController()
  const place = await serve(() => controller.abort())
  await expect(askService(`http://${place}`, { ...access, signal: controller.signal })).rejects.toThrow(
    'aborted',
  )
  await expect(
    askService(`http://${place}`, { ...access, signal: AbortSignal.abort() }),
  ).rejects.toMatchObject({ code: 'LIFEGUARD_CONNECTION' })
})

it('follows no redirection, which may lead anywhere', async () => {
  const place = await serve((_, response) => {
    response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()
  })
  await expect(askService(`http://${place}`, access)).rejects.toMatchObject({ code: 'LIFEGUARD_CONNECTION' })
})

it('knows a URL that it can ask', () => {
  expect(serviceUrl('http://127.0.0.1:3000/lifeguard')).toBe('http://127.0.0.1:3000/lifeguard')
  for (const url of ['127.0.0.1:3000', 'ftp://127.0.0.1/', 'lifeguard', '']) {
    expect(serviceUrl(url)).toBeUndefined()
  }
})

it('reads fields and texts of what may be anything, and paths below a folder', () => {
  expect([fieldOf({ a: 1 }, 'a'), fieldOf(null, 'a'), fieldOf('text', 'length')]).toEqual([
    1,
    undefined,
    undefined,
  ])
  expect([textOf('text'), textOf(''), textOf(1)]).toEqual(['text', undefined, undefined])
  expect(pathBelow('/srv/app/src/a.ts', '/srv/app/')).toBe('src/a.ts')
  expect(pathBelow('C:\\app\\src\\a.ts', 'C:\\app')).toBe('src\\a.ts')
  expect(pathBelow('/srv/application/a.ts', '/srv/app')).toBeUndefined()
})
