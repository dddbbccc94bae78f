import { describe, expect, it } from 'vitest'
import { CheckoutList, type Listed } from '../../src/core/checkout-list.ts'
import { seeded } from './seeded.ts'

class Entry implements Listed {
  place = -1
  readonly control = { gone: false }
}

const entries = (count: number) => Array.from({ length: count }, () => new Entry())
const never = Number.POSITIVE_INFINITY

/** Those that the rest of a round visits. */
function rest(list: CheckoutList<Entry>, now = 0): Entry[] {
  const due: Entry[] = []
  for (let entry = list.nextDue(now); entry !== undefined; entry = list.nextDue(now)) due.push(entry)
  return due
}

function dueOf(list: CheckoutList<Entry>, now: number): Entry[] {
  list.beginRound()
  return rest(list, now)
}

describe('a list of checkouts', () => {
  it('is visited in the order of arrival, like a Set, whatever is added and removed', () => {
    const random = seeded(7)
    const list = new CheckoutList<Entry>()
    const expected = new Set<Entry>()
    const all = entries(90)
    for (let step = 0; step < 5000; step += 1) {
      const entry = all[Math.floor(random() * all.length)] as Entry
      if (random() < (step % 1000) / 1000) {
        list.add(entry)
        expected.add(entry)
      } else {
        expect(list.delete(entry)).toBe(expected.delete(entry))
      }
      expect(list.size).toBe(expected.size)
      expect([...list]).toEqual([...expected])
    }
  })

  it('may be changed while it is visited', () => {
    const list = new CheckoutList<Entry>()
    const all = entries(3)
    for (const entry of all) list.add(entry)
    const visited: Entry[] = []
    for (const entry of list) {
      visited.push(entry)
      for (const other of all) list.delete(other)
      list.add(new Entry())
    }
    expect(visited).toEqual(all)
    expect(list.size).toBe(visited.length)
  })

  it('keeps no removed entry and no session of one in memory', () => {
    const list = new CheckoutList<Entry>()
    const all = entries(100)
    for (const entry of all) list.add(entry)
    for (const entry of all.slice(0, 99)) list.delete(entry)
    for (const entry of entries(40)) list.add(entry)
    const kept = [...list.entries, ...list.sessions]
    for (const entry of all.slice(0, 99)) {
      expect(kept).not.toContain(entry)
      expect(kept).not.toContain(entry.control)
      expect(entry.place).toBe(-1)
    }
  })

  it('takes no more space than twice the most that were in it at once, and gives back that of very many', () => {
    const list = new CheckoutList<Entry>()
    const [lasting, ...others] = entries(5000) as [Entry, ...Entry[]]
    list.add(lasting)
    for (const entry of others) {
      list.add(entry)
      list.delete(entry)
    }
    expect(list.dueTimes.length).toBe(32)
    for (const entry of others) list.add(entry)
    expect(list.dueTimes.length).toBe(8192)
    for (const entry of [lasting, ...others]) list.delete(entry)
    expect(list.dueTimes.length).toBe(32)
    expect(list.entries).toEqual([])
  })
})

describe('a round over those that are due', () => {
  it('visits a new entry, and one again when its time has come', () => {
    const list = new CheckoutList<Entry>()
    const [entry] = entries(1) as [Entry]
    list.add(entry)
    expect(dueOf(list, -1000)).toEqual([entry])
    list.setDue(entry, 10)
    expect(dueOf(list, 9.9)).toEqual([])
    expect(dueOf(list, 10)).toEqual([entry])
    expect(dueOf(list, 11)).toEqual([entry])
    list.setDue(entry, never)
    expect(dueOf(list, 1e12)).toEqual([])
  })

  it('visits an entry whose session is gone, whatever its time', () => {
    const list = new CheckoutList<Entry>()
    const [first, second] = entries(2) as [Entry, Entry]
    for (const entry of [first, second]) {
      list.add(entry)
      list.setDue(entry, never)
    }
    second.control.gone = true
    expect(dueOf(list, 0)).toEqual([second])
    list.delete(second)
    expect(dueOf(list, 0)).toEqual([])
  })

  it('knows the times of those that move into a gap, and forgets those of removed ones', () => {
    const list = new CheckoutList<Entry>()
    const all = entries(32)
    for (const [index, entry] of all.entries()) {
      list.add(entry)
      list.setDue(entry, index)
    }
    for (const entry of all.slice(0, 31)) list.delete(entry)
    const [added] = entries(1) as [Entry]
    list.add(added)
    list.setDue(added, 40)
    expect(list.end).toBe(2)
    expect(dueOf(list, 30)).toEqual([])
    expect(dueOf(list, 31)).toEqual([all[31]])
    expect(dueOf(list, 40)).toEqual([all[31], added])
    list.delete(added)
    list.setDue(added, 0)
    expect(dueOf(list, 40)).toEqual([all[31]])
    list.add(added)
    expect(dueOf(list, 0)).toEqual([added])
  })

  it('takes each time as it is when its turn comes, and visits none twice', () => {
    const list = new CheckoutList<Entry>()
    const [first, second, third] = entries(3) as [Entry, Entry, Entry]
    for (const entry of [first, second, third]) list.add(entry)
    list.setDue(second, 10)
    list.beginRound()
    expect(list.nextDue(0)).toBe(first)
    list.setDue(third, never)
    expect(rest(list, 10)).toEqual([second])
    list.setDue(third, 0)
    expect(rest(list, 10)).toEqual([])
  })

  it.each([0, 1, 15, 16, 30, 31])('goes on where it was if the list changes after %i entries', (visited) => {
    const list = new CheckoutList<Entry>()
    const all = entries(32)
    for (const entry of all) list.add(entry)
    list.beginRound()
    for (const entry of all.slice(0, visited)) expect(list.nextDue(0)).toBe(entry)
    for (const [index, entry] of all.entries()) if (index % 2 === 0) list.delete(entry)
    // The gaps are closed. Those that come during a round are for the next one.
    for (const entry of entries(20)) list.add(entry)
    expect(list.dueTimes.length).toBe(64)
    expect(rest(list)).toEqual(all.filter((_, index) => index >= visited && index % 2 === 1))
  })

  it('ends if the list becomes empty, and does not visit those that come then', () => {
    const list = new CheckoutList<Entry>()
    const all = entries(3)
    for (const entry of all) list.add(entry)
    list.beginRound()
    list.nextDue(0)
    for (const entry of all) list.delete(entry)
    list.add(new Entry())
    expect(rest(list)).toEqual([])
    expect(dueOf(list, 0)).toHaveLength(1)
  })

  it('visits the same ones as a check of all of them, whatever happens in between', () => {
    const random = seeded(11)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
    const list = new CheckoutList<Entry>()
    const times = new Map<Entry, number>()
    const all = entries(120)
    const isDue = (entry: Entry, now: number) => (times.get(entry) ?? never) <= now || entry.control.gone
    let left: Entry[] = []
    for (let round = 0; round < 300; round += 1) {
      left = [...times.keys()]
      list.beginRound()
      while (left.length > 0) {
        const now = round + random()
        const next = left.findIndex((entry) => isDue(entry, now))
        expect(list.nextDue(now)).toBe(left[next])
        left = next === -1 ? [] : left.slice(next + 1)
        for (let change = 0; change < 5; change += 1) changeOne(pick(all))
      }
      for (let change = 0; change < 20; change += 1) changeOne(pick(all))
    }

    function changeOne(entry: Entry): void {
      entry.control.gone = random() < 0.05
      const isIn = times.has(entry)
      if (isIn && random() < 0.5) {
        const at = random() * 300
        list.setDue(entry, at)
        times.set(entry, at)
      } else if (isIn) {
        list.delete(entry)
        times.delete(entry)
        left = left.filter((one) => one !== entry)
      } else if (random() < 0.6) {
        list.add(entry)
        times.set(entry, Number.NEGATIVE_INFINITY)
      }
    }
  })
})
