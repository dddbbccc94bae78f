import { describe, expect, it } from 'vitest'
import { Exchange, type PageResponse } from '../../../src/page/serve/exchange.ts'
import { Feed, mostConnections } from '../../../src/page/serve/feed.ts'

function exchange(url: string, method = 'GET') {
  const written: string[] = []
  const listeners = new Map<string, () => void>()
  let status = 0
  let flushes = 0
  const response = {
    writeHead(code: number) {
      status = code
    },
    write: (chunk: string) => written.push(chunk) > 0,
    end: (body?: string) => void (body === undefined || written.push(body)),
    on: (event: string, listener: () => void) => void listeners.set(event, listener),
    flush() {
      flushes += 1
    },
  } satisfies PageResponse & { flush(): void }
  const request = { method, url, headers: {}, socket: {} }
  return {
    exchange: new Exchange(request, response),
    written,
    status: () => status,
    flushes: () => flushes,
    emit: (event: string) => listeners.get(event)?.(),
  }
}

describe('one exchange', () => {
  it('asks a middleware that compresses to pass events on, and leaves the feed when it is closed', () => {
    const feed = new Feed(() => new Map([['head', new Map([['page', { title: 'x' }]])]]))
    const visit = exchange('/events')
    visit.exchange.events(feed)
    expect(visit.status()).toBe(200)
    expect(visit.written).toHaveLength(1)
    expect(visit.flushes()).toBe(1)
    expect(feed.connections).toBe(1)
    visit.emit('close')
    expect(feed.connections).toBe(0)
  })

  it('refuses a reader too many', () => {
    const feed = new Feed(() => new Map())
    const visits = Array.from({ length: mostConnections + 1 }, () => exchange('/events'))
    for (const visit of visits) visit.exchange.events(feed)
    expect(visits.map((visit) => visit.status())).toEqual([...Array(mostConnections).fill(200), 503])
    for (const visit of visits) visit.emit('close')
  })

  it('answers HEAD without a body', () => {
    const visit = exchange('/page', 'HEAD')
    visit.exchange.document()
    expect(visit).toMatchObject({ written: [] })
    expect(visit.status()).toBe(200)
  })
})
