import { describe, expect, it } from 'vitest'
import { joinMeters, type Meter } from '../../../src/core/statistics/meter.ts'
import { pretendedPool } from '../pretended-pool.ts'

/** A meter that writes down what it is called with. */
function noting(statements: boolean): Meter & { readonly calls: unknown[] } {
  const calls: unknown[] = []
  return {
    calls,
    statements,
    connected: (_pool, millis) => calls.push(['connected', millis]),
    acquired: (_pool, millis, checkout) => calls.push(['acquired', millis, checkout?.id]),
    timedOut: () => calls.push(['timedOut']),
    released: (_pool, millis, checkout) => calls.push(['released', millis, checkout?.id]),
  }
}

describe('joined meters', () => {
  it('are none where there are none, so that nothing is measured', () => {
    expect(joinMeters([])).toBeUndefined()
  })

  it('are the only one itself', () => {
    const only = noting(false)
    expect(joinMeters([only])).toBe(only)
  })

  it('all get what happens to checkouts and connections', () => {
    const meters = [noting(true), noting(false)]
    const { pool, checkOut } = pretendedPool()
    const checkout = checkOut()
    const joined = joinMeters(meters)
    joined?.connected(pool, 5)
    joined?.acquired(pool, 1, checkout)
    joined?.timedOut(pool)
    joined?.released(pool, 2, checkout)
    for (const { calls } of meters) {
      expect(calls).toEqual([
        ['connected', 5],
        ['acquired', 1, checkout.id],
        ['timedOut'],
        ['released', 2, checkout.id],
      ])
    }
  })

  it('get statements of pool.query only if they count them', () => {
    const [counting, other] = [noting(true), noting(false)]
    const { pool } = pretendedPool()
    const joined = joinMeters([counting, other])
    expect(joined?.statements).toBe(true)
    joined?.acquired(pool, 1)
    joined?.released(pool, 2)
    expect(counting.calls).toEqual([
      ['acquired', 1, undefined],
      ['released', 2, undefined],
    ])
    expect(other.calls).toEqual([])
    expect(joinMeters([other, noting(false)])?.statements).toBe(false)
  })
})
