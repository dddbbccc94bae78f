import { describe, expect, it, onTestFinished } from 'vitest'
import { openPage } from '../../../src/cli/page/page-server.ts'
import { addItem, type PageItems } from '../../../src/page/view/items.ts'
import { type Ask, ask } from '../../page/visitor.ts'

async function startServer() {
  const links: string[] = []
  const server = await openPage({
    port: 0,
    read() {
      const items: PageItems = new Map()
      addItem(items, 'head', 'page', { title: 'x', canEnd: true, keepMillis: 1, since: 0 })
      return items
    },
    endings: {
      preview: async (pid) => ({ pid, text: `pid ${pid}`, ticket: 'ticket' }),
      end: async (ticket, despite) => (ticket === 'ticket' ? `ended${despite ? ' anyway' : ''}` : undefined),
    },
    onLink: (link) => links.push(link),
  })
  onTestFinished(() => server[Symbol.asyncDispose]())
  const host = `127.0.0.1:${server.port}`
  const send = (path: string, { headers, ...more }: Ask = {}) =>
    ask(server.port, path, { headers: { host, ...headers }, ...more })
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    send(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const tokenOf = (link = '') => link.split('#token=')[1] ?? ''
  const keyFrom = async (link = server.link) =>
    (JSON.parse((await post('/session', { token: tokenOf(link) })).text) as { key: string }).key
  return { server, links, send, post, keyFrom, tokenOf, host }
}

describe('the page on this machine', () => {
  it('gives one browser a key for its link, and prints another link', async () => {
    const { links, post, keyFrom, tokenOf, send } = await startServer()
    const [first] = links
    const authorization = `Bearer ${await keyFrom(first)}`
    expect(links).toHaveLength(2)
    expect((await send('/state', { headers: { authorization } })).status).toBe(200)
    const again = await post('/session', { token: tokenOf(first) })
    expect(again).toMatchObject({ status: 401, text: expect.stringContaining('has been used') })
  })

  it('serves its document to browsers of this machine, and data only with a key', async () => {
    const { send, post } = await startServer()
    expect((await send('/')).headers['content-type']).toContain('text/html')
    for (const path of ['/state', '/events', '/anything']) expect((await send(path)).status).toBe(401)
    expect((await post('/preview', { pid: 1 })).status).toBe(401)
    expect((await send('/state', { headers: { authorization: 'Bearer wrong' } })).status).toBe(401)
  })

  it('refuses other names, other origins, proxies and forms', async () => {
    const { send, post, keyFrom, host } = await startServer()
    const authorization = `Bearer ${await keyFrom()}`
    const refused = [
      await send('/', { headers: { host: 'evil.example' } }),
      await send('/', { headers: { host: 'localhost:1' } }),
      await send('/state', { headers: { authorization, 'x-forwarded-for': '203.0.113.9' } }),
      await post('/end', { ticket: 'ticket' }, { authorization, origin: 'http://127.0.0.1:1' }),
      await post('/end', { ticket: 'ticket' }, { authorization, 'content-type': 'text/plain' }),
    ]
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403])
    const own = await post('/end', { ticket: 'ticket' }, { authorization, origin: `http://${host}` })
    expect(own.status).toBe(200)
  })

  it('previews and ends with a key', async () => {
    const { post, keyFrom } = await startServer()
    const headers = { authorization: `Bearer ${await keyFrom()}` }
    expect(JSON.parse((await post('/preview', { pid: 7 }, headers)).text)).toMatchObject({
      pid: 7,
      ticket: 'ticket',
    })
    for (const pid of [0, -1, '7', 2 ** 40, undefined])
      expect((await post('/preview', { pid }, headers)).status).toBe(400)
    expect(
      JSON.parse((await post('/end', { ticket: 'ticket', despiteCaution: true }, headers)).text),
    ).toEqual({
      text: 'ended anyway',
    })
    expect((await post('/end', { ticket: 'other' }, headers)).status).toBe(409)
    expect((await post('/end', 'x'.repeat(10_000), headers)).status).toBe(409)
  })

  it('forgets the oldest of many browsers', async () => {
    const { send, keyFrom, server } = await startServer()
    const first = await keyFrom()
    for (let at = 0; at < 20; at += 1) await keyFrom(server.link)
    expect((await send('/state', { headers: { authorization: `Bearer ${first}` } })).status).toBe(401)
    const last = await keyFrom(server.link)
    expect((await send('/state', { headers: { authorization: `Bearer ${last}` } })).status).toBe(200)
  })
})
