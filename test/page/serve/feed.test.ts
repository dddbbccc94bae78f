import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Feed, mostConnections } from '../../../src/page/serve/feed.ts'
import type { PageItems } from '../../../src/page/view/items.ts'
import type { Change } from '../visitor.ts'

/** A feed whose timer the test moves, and a reader of it. */
function feedOf(items: PageItems) {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  let reads = 0
  const feed = new Feed(() => {
    reads += 1
    return items
  })
  const changes: Change[] = []
  const reader = {
    takes: true,
    write(text: string) {
      changes.push(JSON.parse(text.replace(/^data: /, '')) as Change)
      return reader.takes
    },
  }
  return {
    feed,
    changes,
    reader,
    reads: () => reads,
    second: (count = 1) => vi.advanceTimersByTime(count * 1_000),
  }
}

const itemsOf = (pools: Record<string, object>): PageItems =>
  new Map([['pools', new Map(Object.entries(pools))]])

describe('the feed', () => {
  it('sends everything first, then what is new or changed, and what is gone', () => {
    const items = itemsOf({ main: { out: 1 }, other: { out: 0 } })
    const { feed, changes, reader, second } = feedOf(items)
    feed.connect(reader)
    expect(changes[0]).toMatchObject({ first: true, set: { pools: { main: { out: 1 }, other: { out: 0 } } } })
    items.get('pools')?.set('main', { out: 2 })
    items.get('pools')?.delete('other')
    second()
    expect(changes[1]).toMatchObject({ set: { pools: { main: { out: 2 } } }, drop: { pools: ['other'] } })
    expect(changes[1]).not.toHaveProperty('first')
  })

  it('is silent while nothing changes, but not for long', () => {
    const { feed, changes, reader, second } = feedOf(itemsOf({ main: { out: 1 } }))
    feed.connect(reader)
    second(14)
    expect(changes).toHaveLength(1)
    second(2)
    expect(changes).toHaveLength(2)
    expect(changes[1]).not.toHaveProperty('set')
  })

  it('reads only while somebody looks', () => {
    const { feed, reader, reads, second } = feedOf(itemsOf({}))
    second(5)
    expect(reads()).toBe(0)
    const connection = feed.connect(reader)
    second(2)
    const before = reads()
    connection.close()
    second(5)
    expect(reads()).toBe(before)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('waits for a slow reader, and then sends what has changed meanwhile at once', () => {
    const items = itemsOf({ main: { out: 1 } })
    const { feed, changes, reader, second } = feedOf(items)
    reader.takes = false
    const connection = feed.connect(reader)
    for (const out of [2, 3, 4]) {
      items.get('pools')?.set('main', { out })
      second()
    }
    expect(changes).toHaveLength(1)
    connection.drained()
    second()
    expect(changes[1]).toMatchObject({ set: { pools: { main: { out: 4 } } } })
  })

  it('has a limit of readers', () => {
    const { feed, reader } = feedOf(itemsOf({}))
    for (let at = 0; at < mostConnections; at += 1) {
      expect(feed.isFull).toBe(false)
      feed.connect(reader)
    }
    expect(feed.isFull).toBe(true)
  })

  it('goes on after what cannot be read', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    let isBroken = true
    const feed = new Feed(() => {
      if (isBroken) throw new Error('not now')
      return itemsOf({ main: { out: 1 } })
    })
    const texts: string[] = []
    feed.connect({ write: (text) => texts.push(text) > 0 })
    expect(texts).toEqual([])
    isBroken = false
    vi.advanceTimersByTime(1_000)
    expect(texts).toHaveLength(1)
  })

  it('has the state as JSON', () => {
    const { feed } = feedOf(itemsOf({ 'a "b"': { out: 1 } }))
    expect(JSON.parse(feed.state())).toEqual({
      at: expect.any(Number),
      sections: { pools: { 'a "b"': { out: 1 } } },
    })
  })
})
