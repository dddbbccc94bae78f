import { describe, expect, it } from 'vitest'
import { pretendedPool } from '../pretended-pool.ts'

describe('a finding', () => {
  it('has the state of the checkout when it was found, not when it is read', () => {
    const { clock, ledger, checkOut, open } = pretendedPool()
    const checkout = checkOut('/app/users.ts:12:3', { transaction: 'open', pid: 7 })
    clock.advance(30_000)
    checkout.queryCount = 2
    checkout.lastQuery = "UPDATE t SET a = 'secret'"
    const record = open(checkout)
    clock.advance(30_000)
    checkout.queryCount = 9
    checkout.lastQuery = 'SELECT 1'
    ledger.closed(checkout, false)
    expect(record?.data().checkout).toMatchObject({
      pid: 7,
      phase: 'out',
      heldMillis: 30_000,
      transaction: 'open',
      queryCount: 2,
      lastQuery: 'UPDATE t SET a = ?',
    })
  })

  it('is frozen through and through', () => {
    const { checkOut, open } = pretendedPool()
    const record = open(
      checkOut('/app/users.ts:12:3', { transactionStack: { stack: 'Error\n    at /app/a.ts:1:1' } }),
    )
    const finding = record?.data()
    expect(Object.isFrozen(finding)).toBe(true)
    expect(Object.isFrozen(finding?.checkout)).toBe(true)
    expect(Object.isFrozen(finding?.origin?.frames[0])).toBe(true)
    expect(Object.isFrozen(finding?.transactionOrigin?.frames)).toBe(true)
  })
})
