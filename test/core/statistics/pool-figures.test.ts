import { describe, expect, it } from 'vitest'
import { poolFigures } from '../../../src/core/statistics/pool-figures.ts'
import { pretendedPool } from '../pretended-pool.ts'

describe('figures of a pool', () => {
  it('are of the oldest checkout and the oldest transaction, those exempted aside', () => {
    const { ledger, clock, checkOut } = pretendedPool()
    const listener = checkOut('/app/listen.ts:1:1', { transaction: 'open', transactionSince: 0 })
    listener.exemption = 'LISTEN connection'
    clock.advance(1_000)
    checkOut('/app/plain.ts:1:1')
    clock.advance(500)
    checkOut('/app/failed.ts:1:1', { transaction: 'failed', transactionSince: ledger.time.now() })
    clock.advance(250)
    expect(poolFigures(ledger)).toEqual([
      {
        name: 'main',
        idle: 0,
        used: 10,
        waiting: expect.any(Number),
        max: 10,
        min: undefined,
        transactions: 2,
        oldestTransactionMillis: 250,
        oldestCheckoutMillis: 750,
      },
    ])
  })

  it('look at no stack', () => {
    const { ledger, checkOut } = pretendedPool()
    let looks = 0
    const checkout = checkOut()
    checkout.stack = {
      get stack() {
        looks += 1
        return ''
      },
    }
    poolFigures(ledger)
    expect(looks).toBe(0)
  })
})
