import type { AddressInfo } from 'node:net'
import express from 'express'
import express4 from 'express-4'
import fastify from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { lifeguardHandler } from '../../src/http/node.ts'
import { createLifeguard } from '../../src/index.ts'
import { ask, listen } from '../page/visitor.ts'

const lifeguard = createLifeguard({ reporters: [] })

/** As if the request came from elsewhere, which a test cannot have. */
function from(remoteAddress: string | undefined, token?: string) {
  const handle = lifeguardHandler(lifeguard, token === undefined ? {} : { token })
  return listen(({ method, url, httpVersion, headers }, response) =>
    handle({ method, url, httpVersion, headers, socket: { remoteAddress } }, response),
  )
}

describe('lifeguardHandler', () => {
  it('serves the snapshot and the findings, and at its own place what there is', async () => {
    const port = await listen(lifeguardHandler(lifeguard))
    const snapshot = await ask(port, '/lifeguard/snapshot')
    expect(snapshot.status).toBe(200)
    expect(snapshot.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    expect(JSON.parse(snapshot.text)).toMatchObject({
      mode: 'observe',
      pools: [],
      checkouts: [],
      findings: [],
    })
    expect(JSON.parse((await ask(port, '/lifeguard/findings?x=1')).text)).toEqual([])
    for (const place of ['/', '/lifeguard', '/debug/lifeguard/']) {
      expect(JSON.parse((await ask(port, place)).text)).toMatchObject({ service: 'pg-lifeguard' })
    }
  })

  it('serves the timeline while it is recorded', async () => {
    const recording = createLifeguard({ reporters: [], timeline: {} })
    onTestFinished(() => recording.close())
    const port = await listen(lifeguardHandler(recording))
    expect(JSON.parse((await ask(port, '/lifeguard/timeline')).text)).toMatchObject({ pools: [] })
    const { pages } = JSON.parse((await ask(port, '/lifeguard')).text) as { pages: unknown }
    expect(pages).toEqual(['snapshot', 'findings', 'timeline'])
    const without = await ask(await listen(lifeguardHandler(lifeguard)), '/lifeguard/timeline')
    expect(without.status).toBe(404)
    expect(without.text).toContain('switch the option timeline on')
  })

  it('serves nothing else, and is only to be read', async () => {
    const port = await listen(lifeguardHandler(lifeguard))
    for (const path of ['/lifeguard/other', '/lifeguard/snapshot/more', '/snapshot.json', '/__proto__']) {
      expect((await ask(port, path)).status, path).toBe(404)
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const { status, headers } = await ask(port, '/lifeguard/snapshot', { method })
      expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
    }
    const head = await ask(port, '/lifeguard/snapshot', { method: 'HEAD' })
    expect([head.status, head.text]).toEqual([200, ''])
  })

  it.each(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])('is open to %s', async (address) => {
    expect((await ask(await from(address), '/snapshot')).status).toBe(200)
  })

  it.each(['10.0.0.7', '::ffff:10.0.0.7', 'fe80::1', '128.0.0.1', '1127.0.0.1', undefined])(
    'is closed to %s, whatever it sends, without a token',
    async (address) => {
      const port = await from(address)
      expect((await ask(port, '/snapshot')).status).toBe(403)
      expect((await ask(port, '/other')).status).toBe(403)
      expect((await ask(port, '/snapshot', { headers: { authorization: 'Bearer undefined' } })).status).toBe(
        403,
      )
      expect((await ask(port, '/snapshot', { headers: { 'x-forwarded-for': '127.0.0.1' } })).status).toBe(403)
    },
  )

  it.each(['x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'x-forwarded-host'])(
    'takes a request that a proxy on this machine passes on (%s) for one from elsewhere',
    async (name) => {
      const headers = { [name]: '127.0.0.1' }
      expect((await ask(await from('127.0.0.1'), '/snapshot', { headers })).status).toBe(403)
      expect((await ask(await from('127.0.0.1', 'secret'), '/snapshot', { headers })).status).toBe(401)
    },
  )

  it('is closed to a web page that makes a browser here ask under its own name', async () => {
    const port = await from('127.0.0.1')
    expect((await ask(port, '/snapshot', { headers: { host: 'rebound.example.com' } })).status).toBe(403)
    for (const host of ['localhost', `localhost:${port}`, '127.0.0.1', '[::1]:80']) {
      expect((await ask(port, '/snapshot', { headers: { host } })).status).toBe(200)
    }
  })

  it('is open from anywhere to the bearer of the token', async () => {
    const port = await from('10.0.0.7', 'a secret')
    const status = async (authorization: string) =>
      (await ask(port, '/snapshot', { headers: { authorization } })).status
    expect(await status('Bearer a secret')).toBe(200)
    expect(await status('bearer a secret')).toBe(200)
    for (const wrong of [
      'Bearer a secre',
      'Bearer a secrets',
      'Bearer',
      'Bearer ',
      'a secret',
      'Basic a secret',
    ]) {
      expect(await status(wrong), wrong).toBe(401)
    }
    const { status: none, headers } = await ask(port, '/snapshot')
    expect([none, headers['www-authenticate']]).toEqual([401, 'Bearer realm="pg-lifeguard"'])
  })

  it.each([
    [{ token: '' }],
    [{ token: ' ' }],
    [{ token: 7 }],
    [{ tokens: 'secret-token' }],
    [null],
    ['secret'],
  ])('refuses the options %j, and does not repeat a token', (options) => {
    expect(() => lifeguardHandler(lifeguard, options as never)).toThrow(/^(unknown option )?lifeguardHandler/)
    expect(() => lifeguardHandler(lifeguard, options as never)).not.toThrow(/secret-token/)
  })

  it('refuses what is no lifeguard', () => {
    expect(() => lifeguardHandler({} as never)).toThrow('must be a lifeguard')
  })

  it.each([
    ['Express 5', () => express()],
    ['Express 4', () => express4() as unknown as ReturnType<typeof express>],
  ])('works mounted in %s', async (_name, make) => {
    const app = make()
    app.set('trust proxy', true)
    app.use('/internal/pool', lifeguardHandler(lifeguard))
    const port = await listen(app)
    expect((await ask(port, '/internal/pool')).status).toBe(200)
    expect((await ask(port, '/internal/pool/snapshot')).status).toBe(200)
    expect((await ask(port, '/internal/pool/more/snapshot')).status).toBe(404)
    expect((await ask(port, '/internal/pool/more')).status).toBe(404)
  })

  it('works in Fastify', async () => {
    const app = fastify()
    const handle = lifeguardHandler(lifeguard)
    app.all('/lifeguard*', (request, reply) => {
      reply.hijack()
      handle(request.raw, reply.raw)
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    onTestFinished(() => app.close())
    const { port } = app.server.address() as AddressInfo
    expect((await ask(port, '/lifeguard')).status).toBe(200)
    expect((await ask(port, '/lifeguard/findings')).status).toBe(200)
  })
})
