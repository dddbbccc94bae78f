import { describe, expect, it } from 'vitest'
import type { Certainty, FindingKind, Remedy } from '../../../src/core/findings/finding.ts'
import { pretendedPool } from '../pretended-pool.ts'

/** A checkout about which findings are opened one after the other. */
function story() {
  const { ledger, checkOut, resolved } = pretendedPool()
  const checkout = checkOut('/app/users.ts:12:3')
  const open = (kind: FindingKind, certainty: Certainty, remedy: Remedy = 'report') =>
    ledger.findings.open({ kind, certainty, checkout, hint: `a hint for ${kind}`, remedy })
  return { ledger, checkout, resolved, open }
}

describe('one checkout has one story', () => {
  it('to which a later suspicion adds', () => {
    const { open, resolved } = story()
    const first = open('idle-transaction', 'suspected')
    expect(first?.data()).not.toHaveProperty('updates')
    expect(open('long-hold', 'suspected')?.data().updates).toBe(first?.id)
    expect(open('long-transaction', 'suspected')?.data().updates).toBe(first?.id)
    expect(resolved).toEqual([])
  })

  it('that certainty begins anew, in place of the suspicions', () => {
    const { open, resolved, ledger, checkout } = story()
    open('idle-transaction', 'suspected')
    open('long-hold', 'suspected')
    const certain = open('outlived-scope', 'certain')
    expect(certain?.data()).not.toHaveProperty('updates')
    expect(resolved).toMatchObject([
      { kind: 'idle-transaction', resolution: 'superseded by outlived-scope', supersededBy: certain?.id },
      { kind: 'long-hold', resolution: 'superseded by outlived-scope', supersededBy: certain?.id },
    ])
    expect(ledger.findings.of(checkout)).toEqual([certain])
  })

  it('to which suspicions add nothing once it is certain', () => {
    const { open, ledger, checkout } = story()
    const certain = open('outlived-scope', 'certain')
    expect(open('long-hold', 'suspected')).toBeUndefined()
    expect(ledger.findings.of(checkout)).toEqual([certain])
  })

  it('to which another certain finding adds', () => {
    const { open } = story()
    const certain = open('outlived-scope', 'certain')
    expect(open('blocked-shutdown', 'certain')?.data().updates).toBe(certain?.id)
  })

  it('in which a suspicion with a remedy acts all the same, and keeps what that came to', () => {
    const { open, ledger, checkout } = story()
    const rolledBack = open('idle-transaction', 'suspected', 'rollback')
    const certain = open('outlived-scope', 'certain')
    expect(ledger.findings.of(checkout)).toEqual([rolledBack, certain])
    expect(open('long-transaction', 'suspected', 'rollback')?.data().updates).toBe(certain?.id)
  })

  it.each(['dirty-release', 'busy-release', 'session-state', 'lost-commit'] as const)(
    'beside which %s, an event, is a mistake of its own',
    (kind) => {
      const { open, ledger, checkout } = story()
      const suspicion = open('long-hold', 'suspected')
      const event = open(kind, 'certain')
      expect(event?.data()).not.toHaveProperty('updates')
      expect(ledger.findings.of(checkout)).toEqual([suspicion, event])
      expect(open('long-transaction', 'suspected')?.data().updates).toBe(suspicion?.id)
    },
  )
})

describe('a finding that explains others', () => {
  it('takes the place of the suspicions that are open, and of those that would follow', () => {
    const { ledger, checkOut, wait, open, resolved } = pretendedPool()
    const [holder, waiter, other] = [checkOut(), wait(), wait()]
    open(holder, 'idle-transaction')
    open(waiter, 'nested-acquire')
    open(other, 'pool-exhausted')
    const deadlock = ledger.findings.open({
      kind: 'pool-deadlock',
      certainty: 'certain',
      checkout: waiter,
      hint: 'all wait for each other',
      remedy: 'report',
    })
    if (deadlock === undefined) throw new Error('the first deadlock of a waiter is opened')
    ledger.findings.absorb(
      deadlock,
      [holder, waiter, other],
      ['idle-transaction', 'pool-exhausted', 'long-hold'],
    )
    expect(resolved.map(({ kind, supersededBy }) => [kind, supersededBy])).toEqual([
      ['nested-acquire', deadlock.id],
      ['idle-transaction', deadlock.id],
      ['pool-exhausted', deadlock.id],
    ])
    expect([open(holder, 'long-hold'), open(other, 'pool-exhausted')]).toEqual([undefined, undefined])
  })

  it('explains nothing of a holder any more once it has resolved', () => {
    const { ledger, checkOut, wait, open } = pretendedPool()
    const [holder, waiter] = [checkOut(), wait()]
    const deadlock = open(waiter, 'pool-deadlock')
    if (deadlock === undefined) throw new Error('the first deadlock of a waiter is opened')
    ledger.findings.absorb(deadlock, [holder, waiter], ['long-hold'])
    expect(open(holder, 'long-hold')).toBeUndefined()
    ledger.withdrawn(waiter, 'gave up')
    expect(open(holder, 'long-hold')).toBeDefined()
  })
})
