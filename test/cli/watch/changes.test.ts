import { describe, expect, it } from 'vitest'
import { changesBetween, type SeenConcerns } from '../../../src/cli/watch/changes.ts'
import type { Concern } from '../../../src/cli/watch/concerns.ts'

const concern = (more: Partial<Concern> = {}): Concern => ({
  key: 'pid 1 start',
  id: 'pid 1',
  kind: 'blocks',
  blocked: 1,
  millis: 1_000,
  ...more,
})

/** What is told of a sequence of looks, two seconds apart. */
function told(looks: readonly (readonly Concern[])[]): string[] {
  let seen: SeenConcerns = new Map()
  return looks.flatMap((concerns, at) => {
    const result = changesBetween(seen, new Map(concerns.map((one) => [one.key, one])), at * 2_000)
    seen = result.seen
    return result.changes.map(({ event }) => `${at}: ${event}`)
  })
}

describe('changes', () => {
  it('tells a concern when it appears and when it is over, and nothing in between', () => {
    expect(told([[concern()], [concern()], [concern()], []])).toEqual(['0: appeared', '3: cleared'])
  })

  it('says how long it lasted', () => {
    const first = changesBetween(new Map(), new Map([['pid 1 start', concern()]]), 5_000)
    expect(changesBetween(first.seen, new Map(), 65_000).changes).toMatchObject([{ lastedMillis: 60_000 }])
  })

  it('tells when an idle session begins to block, but not when it stops to', () => {
    const idle = concern({ kind: 'idle-in-transaction', blocked: 0 })
    expect(told([[idle], [concern()], [idle]])).toEqual(['0: appeared', '1: escalated'])
  })

  it('tells each doubling of those who are blocked', () => {
    const looks = [1, 2, 3, 4, 7, 8, 7, 8].map((blocked) => [concern({ blocked })])
    expect(told(looks)).toEqual(['0: appeared', '1: escalated', '3: escalated', '5: escalated'])
  })

  it('tells each doubling of its age, and at most every half minute', () => {
    const looks = Array.from({ length: 200 }, (_, at) => [concern({ millis: 1_000 + at * 2_000 })])
    expect(told(looks)).toEqual([
      '0: appeared',
      '15: escalated',
      '31: escalated',
      '63: escalated',
      '127: escalated',
    ])
  })

  it('takes another session with the same pid for another one', () => {
    expect(told([[concern()], [concern({ key: 'pid 1 later' })]])).toEqual([
      '0: appeared',
      '1: cleared',
      '1: appeared',
    ])
  })

  it('keeps nothing of what is over, however long it runs', () => {
    let seen: SeenConcerns = new Map()
    for (let at = 0; at < 10_000; at += 1) {
      const now = [concern({ key: `a ${at}` }), concern({ key: `b ${Math.floor(at / 10)}` })]
      seen = changesBetween(seen, new Map(now.map((one) => [one.key, one])), at).seen
      expect(seen.size).toBe(2)
    }
  })
})
