import express from 'express'
import { describe, expect, it } from 'vitest'
import { createLifeguard, OptionError } from '../../src/index.ts'
import { pageHandler } from '../../src/page/index.ts'
import type { PageRequest } from '../../src/page/serve/exchange.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool } from '../support/guarded-pool.ts'
import { ask, follow, listen } from './visitor.ts'

const db = useDatabase()

function page(options = {}) {
  const guarded = guardedPool(db.config, { limits: { idleTransactionMillis: 1_000 } })
  return { ...guarded, handler: pageHandler(guarded.lifeguard, { title: 'orders-api', ...options }) }
}

/** As if the request came from elsewhere, which a test cannot have. */
function from(remoteAddress: string, handler: ReturnType<typeof pageHandler>) {
  return listen(({ method, url, httpVersion, headers }, response) =>
    handler({ method, url, httpVersion, headers, socket: { remoteAddress } } as PageRequest, response),
  )
}

describe('pageHandler', () => {
  it('serves one document, which may run nothing but its own script and asks nobody else', async () => {
    const port = await listen(page().handler)
    const { status, headers, text } = await ask(port, '/lifeguard/page')
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    })
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    expect(text.match(/<script/g)).toHaveLength(1)
    expect(text).not.toMatch(/(?:src|href)="(?!data:)/)
  })

  it('sends the state first, and then what changes', async () => {
    const { handler, pool, lifeguard } = page()
    const feed = await follow(await listen(handler), '/page/events')
    expect(feed.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    const first = await feed.next()
    expect(first.first).toBe(true)
    expect(first.set?.head?.page).toMatchObject({ title: 'orders-api', canEnd: false })
    expect(first.set?.pools?.main).toMatchObject({ out: 0, max: 10 })
    await lifeguard.runInScope({ kind: 'job', name: 'nightly' }, async () => {
      const client = await pool.connect()
      const change = await eventually(async () => {
        const next = await feed.next()
        expect(next.set?.checkouts).toBeDefined()
        return next
      })
      expect(change.first).toBeUndefined()
      expect(Object.values(change.set?.checkouts ?? {})).toMatchObject([
        {
          pool: 'main',
          slot: 0,
          route: 'nightly',
          place: expect.stringMatching(/page-handler\.test\.ts:\d+$/),
        },
      ])
      client.release()
    })
  })

  it('serves the state, the timeline and a trace file', async () => {
    const { handler, pool, clock } = page()
    const client = await pool.connect()
    clock.advance(500)
    client.release()
    const port = await listen(handler)
    const state = JSON.parse((await ask(port, '/page/state')).text)
    expect(Object.keys(state.sections)).toEqual(
      expect.arrayContaining(['head', 'pools', 'checkouts', 'holders']),
    )
    expect(JSON.parse((await ask(port, '/page/timeline')).text)).toMatchObject({ pools: [{ name: 'main' }] })
    const trace = await ask(port, '/page/trace')
    expect(trace.headers['content-disposition']).toContain('attachment')
    expect(JSON.parse(trace.text).traceEvents.length).toBeGreaterThan(0)
  })

  it('shows the server that it is given, with the line of a session of the pool', async () => {
    const { handler, pool } = page({ database: db.url })
    const client = await pool.connect()
    await client.query('BEGIN; CREATE TABLE page_locked (id int)')
    const port = await listen(handler)
    const server = await eventually(async () => {
      const { sections } = JSON.parse((await ask(port, '/page/state')).text)
      expect(sections.server.server.report).toBeDefined()
      return sections.server.server
    })
    expect(server).toMatchObject({ report: { server: { database: db.config.database } } })
    await client.query('ROLLBACK')
    client.release()
  })

  it('takes the server of a pool', async () => {
    const { handler } = page({ database: guardedPool(db.config).pool })
    const port = await listen(handler)
    await eventually(async () => {
      const { sections } = JSON.parse((await ask(port, '/page/state')).text)
      expect(sections.server.server.target).toContain(String(db.config.database))
    })
  })

  it('is mounted anywhere by Express, and at a path that ends in page without it', async () => {
    const app = express()
    app.use('/debug/pools', page().handler)
    const port = await listen(app)
    expect((await ask(port, '/debug/pools')).headers['content-type']).toContain('text/html')
    expect((await ask(port, '/debug/pools/state')).status).toBe(200)
    expect((await ask(port, '/debug/pools/more/state')).status).toBe(404)
    const plain = await listen(page().handler)
    for (const path of ['/', '/page', '/lifeguard/page/']) expect((await ask(plain, path)).status).toBe(200)
    expect((await ask(plain, '/lifeguard/other')).status).toBe(404)
  })

  it('only looks', async () => {
    const port = await listen(page().handler)
    for (const method of ['POST', 'PUT', 'DELETE'])
      expect((await ask(port, '/page', { method })).status).toBe(405)
    const head = await ask(port, '/page', { method: 'HEAD' })
    expect(head).toMatchObject({ status: 200, text: '' })
  })

  it('refuses other machines, proxies and foreign names without a token', async () => {
    const { handler } = page()
    expect((await ask(await from('203.0.113.9', handler), '/page')).status).toBe(403)
    const port = await listen(handler)
    for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip']) {
      expect((await ask(port, '/page/state', { headers: { [name]: '127.0.0.1' } })).status, name).toBe(403)
    }
    expect((await ask(port, '/page', { headers: { host: 'evil.example' } })).status).toBe(403)
    expect((await ask(port, '/page/state', { headers: { origin: 'https://evil.example' } })).status).toBe(403)
  })

  it('with a token asks everybody for it, and takes it as a password', async () => {
    const { handler } = page({ token: 'secret' })
    const port = await from('203.0.113.9', handler)
    const refused = await ask(port, '/page')
    expect(refused.status).toBe(401)
    expect(refused.headers['www-authenticate']).toMatch(/^Basic /)
    const basic = `Basic ${Buffer.from('me:secret').toString('base64')}`
    expect((await ask(port, '/page', { headers: { authorization: basic } })).status).toBe(200)
    expect((await ask(port, '/page/state', { headers: { authorization: 'Bearer secret' } })).status).toBe(200)
    expect((await ask(port, '/page', { headers: { authorization: 'Bearer wrong' } })).status).toBe(401)
  })

  it('rejects what is no lifeguard, no token and no database', () => {
    const lifeguard = createLifeguard({ reporters: [] })
    expect(() => pageHandler({} as never)).toThrow(OptionError)
    expect(() => pageHandler(lifeguard, { token: ' ' })).toThrow(/pageHandler\.token/)
    expect(() => pageHandler(lifeguard, { database: 5 as never })).toThrow(/pageHandler\.database/)
    expect(() => pageHandler(lifeguard, { tokn: 'x' } as never)).toThrow(/did you mean/)
  })

  it('sends names and statements of the application as text, without literals and control characters', async () => {
    const { handler, pool, lifeguard } = page()
    const name = '</script><img src=x onerror=alert(1)>\u0007\u202e'
    await lifeguard.runInScope({ kind: 'request', name }, async () => {
      const client = await pool.connect()
      await client.query("SELECT 'a secret' AS note")
      const port = await listen(handler)
      const { text, headers } = await ask(port, '/page/state')
      expect(headers['content-type']).toContain('application/json')
      expect(text).toContain('SELECT ? AS note')
      expect(text).not.toContain('a secret')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
      expect(text).not.toMatch(/\\u0007|\u0007|\u202e/)
      client.release()
    })
  })
})
