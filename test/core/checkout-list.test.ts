import { describe, expect, it } from 'vitest'
import { CheckoutList, type Linked } from '../../src/core/checkout-list.ts'
import { seeded } from './seeded.ts'

class Entry implements Linked<Entry> {
  before: Entry | undefined
  after: Entry | undefined
  isListed = false
}

const entries = (count: number) => Array.from({ length: count }, () => new Entry())

describe('a list of checkouts', () => {
  it('is visited in the order of arrival, like a Set, whatever is added and removed', () => {
    const random = seeded(7)
    const linked = new CheckoutList<Entry>()
    const expected = new Set<Entry>()
    const all = entries(20)
    for (let step = 0; step < 2000; step += 1) {
      const entry = all[Math.floor(random() * all.length)] as Entry
      if (random() < 0.5) {
        linked.add(entry)
        expected.add(entry)
      } else {
        expect(linked.delete(entry)).toBe(expected.delete(entry))
      }
      expect(linked.size).toBe(expected.size)
      expect([...linked]).toEqual([...expected])
    }
  })

  it('may be changed while it is visited', () => {
    const linked = new CheckoutList<Entry>()
    const all = entries(3)
    for (const entry of all) linked.add(entry)
    const visited: Entry[] = []
    for (const entry of linked) {
      visited.push(entry)
      for (const other of all) linked.delete(other)
      linked.add(new Entry())
    }
    expect(visited).toEqual(all)
    expect(linked.size).toBe(visited.length)
  })

  it('keeps no neighbour of a removed entry in memory', () => {
    const linked = new CheckoutList<Entry>()
    const [first, second, third] = entries(3) as [Entry, Entry, Entry]
    for (const entry of [first, second, third]) linked.add(entry)
    linked.delete(second)
    expect(second).toMatchObject({ before: undefined, after: undefined, isListed: false })
  })
})
