import { describe, expect, it } from 'vitest'
import { checkoutData } from '../../src/core/checkout.ts'
import { pretendedPool } from './pretended-pool.ts'

describe('a checkout as data', () => {
  it('waits: the wait grows, and there is no client yet', () => {
    const { clock, time, wait } = pretendedPool()
    const start = clock.epochMillis()
    const checkout = wait()
    clock.advance(1200)
    expect(checkoutData(checkout, time, 'redacted')).toEqual({
      id: checkout.id,
      via: 'connect',
      phase: 'waiting',
      requestedAt: start,
      waitedMillis: 1200,
      heldMillis: 0,
      transaction: 'idle',
      transactionMillis: 0,
      idleMillis: 0,
      queryCount: 0,
      busyMillis: 0,
    })
  })

  it('is out and idle in a transaction', () => {
    const { clock, time, checkOut } = pretendedPool()
    const start = clock.epochMillis()
    const checkout = checkOut('/app/a.ts:1:1', { pid: 9, transaction: 'open', transactionSince: 100 })
    clock.advance(1000)
    checkout.queryCount = 3
    checkout.busyMillis = 12.4
    checkout.idleSince = time.now()
    checkout.lastQuery = "SELECT 'secret'"
    checkout.exemption = 'LISTEN connection'
    clock.advance(400)
    expect(checkoutData(checkout, time, 'redacted')).toEqual({
      id: checkout.id,
      via: 'connect',
      phase: 'out',
      pid: 9,
      requestedAt: start,
      acquiredAt: start,
      waitedMillis: 0,
      heldMillis: 1400,
      transaction: 'open',
      transactionMillis: 1300,
      idleMillis: 400,
      queryCount: 3,
      busyMillis: 12,
      lastQuery: 'SELECT ?',
      exemption: 'LISTEN connection',
    })
  })

  it.each(['query', 'portal', 'copy'] as const)(
    'is not idle while a %s is at work, which counts as busy up to now',
    (work) => {
      const { clock, time, checkOut } = pretendedPool()
      const checkout = checkOut(undefined, { work })
      checkout.busyMillis = 100
      checkout.busySince = time.now()
      clock.advance(250)
      expect(checkoutData(checkout, time, 'redacted')).toMatchObject({ idleMillis: 0, busyMillis: 350 })
    },
  )

  it('has no text where none is to be shown', () => {
    const { time, checkOut } = pretendedPool()
    const checkout = checkOut()
    checkout.lastQuery = 'SELECT 1'
    expect(checkoutData(checkout, time, 'none')).not.toHaveProperty('lastQuery')
    expect(checkoutData(checkout, time, 'full').lastQuery).toBe('SELECT 1')
  })

  it('does not grow older while the process stands still', () => {
    const { clock, time, checkOut } = pretendedPool()
    time.tick()
    const checkout = checkOut()
    clock.stall(3_600_000)
    expect(checkoutData(checkout, time, 'redacted').heldMillis).toBeLessThanOrEqual(200)
  })

  it('never has a negative duration', () => {
    const { time, checkOut } = pretendedPool()
    const checkout = checkOut(undefined, { transaction: 'open', transactionSince: 500 })
    checkout.idleSince = 500
    checkout.acquiredAt = 500
    expect(checkoutData(checkout, time, 'redacted')).toMatchObject({
      heldMillis: 0,
      transactionMillis: 0,
      idleMillis: 0,
    })
  })
})
