import { describe, expect, it } from 'vitest'
import { pretendedPool } from '../pretended-pool.ts'

describe('findings of one line of source', () => {
  it('have one fingerprint and are counted', () => {
    const { checkOut, open } = pretendedPool()
    const here = [1, 2, 3].map(() => open(checkOut('/app/users.ts:12:3'))?.data())
    const there = open(checkOut('/app/users.ts:13:3'))?.data()
    const other = open(checkOut('/app/users.ts:12:3'), 'dirty-release')?.data()
    expect(here.map((finding) => finding?.occurrences)).toEqual([1, 2, 3])
    expect(new Set(here.map((finding) => finding?.fingerprint)).size).toBe(1)
    expect([there?.occurrences, other?.occurrences]).toEqual([1, 1])
    expect(new Set([here[0], there, other].map((finding) => finding?.fingerprint)).size).toBe(3)
  })

  it.each(['redacted', 'full'] as const)(
    'are told apart by their statement, not by its literals, where no line is known (%s)',
    (queryText) => {
      const { checkOut, open } = pretendedPool(queryText)
      const find = (lastQuery: string) => {
        const checkout = checkOut()
        checkout.lastQuery = lastQuery
        return open(checkout)?.data()
      }
      expect(find("SELECT 'a'")?.occurrences).toBe(1)
      expect(find("SELECT 'b'")?.occurrences).toBe(2)
      expect(find('SELECT b')?.occurrences).toBe(1)
    },
  )
})

describe('the counts', () => {
  it('counts a thousand lines and forgets the one that was quiet for the longest time', () => {
    const { checkOut, open } = pretendedPool()
    const occurrencesAt = (line: number) => open(checkOut(`/app/users.ts:${line}:1`))?.occurrences
    for (let line = 1; line <= 1000; line++) occurrencesAt(line)
    expect(occurrencesAt(1)).toBe(2)
    occurrencesAt(1001)
    expect(occurrencesAt(1)).toBe(3)
    expect(occurrencesAt(1000)).toBe(2)
    // The newcomer took the place of line 2; line 1 had been heard of since.
    expect(occurrencesAt(2)).toBe(1)
  })
})
