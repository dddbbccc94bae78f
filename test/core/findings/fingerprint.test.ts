import { describe, expect, it } from 'vitest'
import { originOf } from '../../../src/core/origin/origin.ts'
import { Scope } from '../../../src/core/scope.ts'
import { pretendedPool, stackAt } from '../pretended-pool.ts'

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

  it('are one mistake of each caller, not of the helper that all of them use', () => {
    const { checkOut, open } = pretendedPool()
    const leak = (...places: string[]) => open(checkOut(['/app/db.ts:3:10', ...places]))?.data()
    const routes = ['/app/a.ts:1:1', '/app/b.ts:2:2', '/app/c.ts:3:3'].map((route) => leak(route))
    expect(routes.map((finding) => finding?.occurrences)).toEqual([1, 1, 1])
    expect(leak('/app/b.ts:2:2')).toMatchObject({
      occurrences: 2,
      fingerprint: 'long-hold main /app/db.ts:3:10 < /app/b.ts:2:2',
    })
  })

  it('are compared by three frames of the user, and by none of a dependency', () => {
    const { checkOut, open } = pretendedPool()
    const leak = (...places: string[]) => open(checkOut(places))?.fingerprint
    const orm = '/app/node_modules/orm/index.js:1:1'
    expect(leak('/app/a.ts:1:1', orm, '/app/b.ts:2:2', '/app/c.ts:3:3', '/app/d.ts:4:4')).toBe(
      'long-hold main /app/a.ts:1:1 < /app/b.ts:2:2 < /app/c.ts:3:3',
    )
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

  it('are compared by the line of the event where the one of the checkout is not known', () => {
    const { ledger, checkOut } = pretendedPool()
    const eventOrigin = originOf(stackAt('/app/late.ts:9:1'))
    const record = ledger.findings.open({
      kind: 'double-release',
      certainty: 'certain',
      checkout: checkOut(),
      hint: 'released twice',
      remedy: 'report',
      eventOrigin,
      momentary: true,
    })
    expect(record?.fingerprint).toBe('double-release main /app/late.ts:9:1')
  })

  it('are compared by their scope where no line is known', () => {
    const { checkOut, open } = pretendedPool()
    const leak = (name: string) =>
      open(checkOut(undefined, { scope: new Scope({ kind: 'job', name }, undefined) }))?.data()
    expect([leak('one'), leak('two'), leak('one')].map((finding) => finding?.occurrences)).toEqual([1, 1, 2])
    expect(leak('two')?.fingerprint).toBe('long-hold main job two')
  })
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
