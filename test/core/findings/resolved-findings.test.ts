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
})
