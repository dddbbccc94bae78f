import { describe, expect, it } from 'vitest'
import { holdersOf } from '../../src/core/holders.ts'
import { pretendedPool } from './pretended-pool.ts'

describe('holders', () => {
  it('are named the longest first, with place and state', () => {
    const { clock, ledger, pool, checkOut } = pretendedPool()
    checkOut('/app/a.ts:1:1', {
      pid: 1,
      transaction: 'open',
      transactionStack: { stack: 'Error\n    at /app/t.ts:5:1' },
    })
    clock.advance(1000)
    checkOut('/app/b.ts:2:1', { pid: 2 })
    clock.advance(500)
    expect(holdersOf(ledger, pool)).toMatchObject([
      { pid: 1, heldMillis: 1500, transaction: 'open', origin: { line: 1 }, transactionOrigin: { line: 5 } },
      { pid: 2, heldMillis: 500, transaction: 'idle', origin: { line: 2 } },
    ])
  })

  it('end with the statements of pool.query, without their literals', () => {
    const { ledger, pool, checkOut } = pretendedPool()
    checkOut('/app/a.ts:1:1')
    pool.passingQueries = () => [
      { pid: 3, text: "SELECT 'secret'" },
      { pid: undefined, text: undefined },
    ]
    expect(holdersOf(ledger, pool).slice(1)).toEqual([
      { via: 'pool.query', pid: 3, lastQuery: 'SELECT ?' },
      { via: 'pool.query' },
    ])
  })

  it('are twenty at most', () => {
    const { ledger, pool, checkOut } = pretendedPool()
    for (let line = 1; line <= 30; line++) checkOut(`/app/a.ts:${line}:1`)
    pool.passingQueries = () => [{ pid: 3, text: 'SELECT 1' }]
    expect(holdersOf(ledger, pool)).toHaveLength(20)
  })
})
