import { describe, expect, it } from 'vitest'
import { holdersOf } from '../../src/core/holders.ts'
import { takeSnapshot } from '../../src/core/snapshot.ts'
import { type PretendedPool, pretendedPool } from './pretended-pool.ts'

/** A pool in which everything has happened once. */
function fullPool(): PretendedPool {
  const pretended = pretendedPool()
  const { clock, ledger, pool, checkOut, wait, open } = pretended
  const idle = checkOut('/app/a.ts:1:1', {
    pid: 1,
    transaction: 'open',
    transactionStack: { stack: 'Error\n    at begin (/app/t.ts:5:1)' },
  })
  idle.lastQuery = "UPDATE t SET a = 'secret'"
  clock.advance(10_000)
  open(idle, 'idle-transaction')?.remedied('destroyed', 'ROLLBACK failed: no answer within 2 s')
  const released = checkOut('/app/b.ts:2:1')
  open(released, 'long-hold')
  ledger.closed(released, false)
  open(checkOut(undefined, { pid: 2 }), 'double-release', true)
  const waiting = wait('/app/w.ts:3:1')
  ledger.findings.open({
    kind: 'pool-exhausted',
    certainty: 'suspected',
    checkout: waiting,
    hint: 'waiting',
    remedy: 'report',
    holders: holdersOf(ledger, pool),
  })
  return pretended
}

describe('a snapshot', () => {
  it('has the pools, what is out of them, who waits, and the findings', () => {
    const { ledger, clock } = fullPool()
    const snapshot = takeSnapshot(ledger, 'enforce')
    expect(snapshot).toMatchObject({
      takenAt: clock.epochMillis(),
      mode: 'enforce',
      pools: [{ name: 'main', total: 10, idle: 0, waiting: 1, max: 10, out: 2, ending: false }],
      checkouts: [
        {
          pool: 'main',
          phase: 'out',
          pid: 1,
          heldMillis: 10_000,
          origin: { line: 1 },
          transactionOrigin: { line: 5 },
        },
        { pool: 'main', phase: 'out', pid: 2 },
        { pool: 'main', phase: 'waiting', origin: { line: 3 } },
      ],
      findings: [
        { kind: 'idle-transaction', outcome: 'destroyed' },
        { kind: 'pool-exhausted', holders: [{ pid: 1 }, { pid: 2 }] },
        { kind: 'double-release' },
        { kind: 'long-hold', resolution: expect.stringMatching(/^released/) },
      ],
    })
    expect(snapshot.checkouts[1]).not.toHaveProperty('origin')
  })

  it('is the same after a way through JSON', () => {
    const snapshot = takeSnapshot(fullPool().ledger, 'observe')
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot)
    // toEqual forgives what is undefined: it would be lost on the way.
    expect(undefinedValues(snapshot)).toEqual([])
  })

  it('is frozen through and through', () => {
    const snapshot = takeSnapshot(fullPool().ledger, 'observe')
    expect(thawed(snapshot)).toEqual([])
    expect(() => (snapshot.pools as unknown[]).push('mine')).toThrow(TypeError)
  })

  it('does not change when the ledger does', () => {
    const pretended = fullPool()
    const snapshot = takeSnapshot(pretended.ledger, 'observe')
    const before = JSON.stringify(snapshot)
    for (const checkout of [...pretended.pool.out]) pretended.ledger.closed(checkout, false)
    pretended.clock.advance(5000)
    expect(JSON.stringify(snapshot)).toBe(before)
    expect(JSON.stringify(takeSnapshot(pretended.ledger, 'observe'))).not.toBe(before)
  })

  it('holds no literal of a statement', () => {
    expect(JSON.stringify(takeSnapshot(fullPool().ledger, 'observe'))).not.toContain('secret')
  })

  it('says of a pool only what the pool says', () => {
    const { ledger, pool } = pretendedPool()
    pool.gauge = () => ({ total: 0, idle: 0, waiting: 0, max: undefined })
    pool.endingSince = 0
    expect(takeSnapshot(ledger, 'observe').pools).toEqual([
      { name: 'main', total: 0, idle: 0, waiting: 0, out: 0, ending: true },
    ])
  })
})

function undefinedValues(value: unknown, path = 'snapshot'): string[] {
  if (value === undefined) return [path]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, child]) => undefinedValues(child, `${path}.${key}`))
}

function thawed(value: unknown, path = 'snapshot'): string[] {
  if (typeof value !== 'object' || value === null) return []
  const own = Object.isFrozen(value) ? [] : [path]
  return [...own, ...Object.entries(value).flatMap(([key, child]) => thawed(child, `${path}.${key}`))]
}
