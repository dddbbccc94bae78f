import { describe, expect, it } from 'vitest'
import { pretendedPool } from '../pretended-pool.ts'

describe('the list of resolved findings', () => {
  it('holds the last 200 resolved findings', () => {
    const { ledger, checkOut, open } = pretendedPool()
    for (let line = 1; line <= 1000; line++) {
      const checkout = checkOut(`/app/users.ts:${line}:1`)
      open(checkout)
      ledger.closed(checkout, false)
    }
    const lines = ledger.findings.all().map(({ origin }) => origin?.line)
    expect(lines).toEqual(Array.from({ length: 200 }, (_, index) => 1000 - index))
  })

  it('holds the last 200 findings that were events', () => {
    const { ledger, checkOut, open } = pretendedPool()
    for (let line = 1; line <= 300; line++) open(checkOut(`/app/users.ts:${line}:1`), 'double-release', true)
    expect(ledger.findings.all()).toHaveLength(200)
  })

  it('is not filled by one mistake that happens all the time', () => {
    const { ledger, checkOut, open } = pretendedPool()
    const leak = (line: number) => {
      const checkout = checkOut(`/app/users.ts:${line}:1`)
      open(checkout)
      ledger.closed(checkout, false)
    }
    for (const line of [1, 2, 3]) leak(line)
    for (let times = 0; times < 500; times++) open(checkOut('/app/again.ts:7:1'), 'double-release', true)
    leak(4)
    const findings = ledger.findings.all()
    expect(findings).toHaveLength(200)
    expect(findings.slice(0, 2).map(({ origin }) => origin?.line)).toEqual([4, 7])
    expect(findings.slice(-3).map(({ origin }) => origin?.line)).toEqual([3, 2, 1])
    expect(findings[1]?.occurrences).toBe(500)
  })
})
