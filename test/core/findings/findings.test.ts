import { describe, expect, it } from 'vitest'
import { pretendedPool } from '../pretended-pool.ts'

describe('a finding', () => {
  it('is opened once per checkout and kind', () => {
    const { checkOut, open } = pretendedPool()
    const checkout = checkOut()
    expect(open(checkout, 'long-hold')).toBeDefined()
    expect(open(checkout, 'long-hold')).toBeUndefined()
    expect(open(checkout, 'idle-transaction')).toBeDefined()
    expect(open(checkOut(), 'long-hold')).toBeDefined()
  })

  it('does not come again after it has resolved', () => {
    const { ledger, checkOut, open } = pretendedPool()
    const checkout = checkOut()
    open(checkout, 'idle-transaction')
    ledger.findings.resolve(checkout, () => true, { what: 'its transaction has ended' })
    expect(open(checkout, 'idle-transaction')).toBeUndefined()
  })

  it('leaves those that it has explained to be judged anew when it resolves', () => {
    const { ledger, pool, checkOut, wait, open } = pretendedPool()
    const holder = checkOut()
    const record = open(wait(), 'pool-deadlock')
    if (record === undefined) throw new Error('not opened')
    ledger.findings.absorb(record, [holder], ['long-hold'])
    pool.out.setDue(holder, Number.POSITIVE_INFINITY)
    ledger.findings.resolve(record.evidence.checkout, () => true, { what: 'rejected' })
    pool.out.beginRound()
    expect(pool.out.nextDue(0)).toBe(holder)
    expect(open(holder, 'long-hold')).toBeDefined()
  })

  it('has an id that no other one has', () => {
    const { checkOut, open } = pretendedPool()
    const ids = [open(checkOut())?.id, open(checkOut())?.id, open(checkOut(), 'dirty-release')?.id]
    expect(new Set(ids).size).toBe(3)
  })

  it('resolves by kind', () => {
    const { ledger, checkOut, open, resolved } = pretendedPool()
    const checkout = checkOut()
    open(checkout, 'idle-transaction')
    open(checkout, 'long-hold')
    ledger.findings.resolve(checkout, (kind) => kind === 'idle-transaction', {
      what: 'its transaction has ended',
    })
    expect(resolved.map(({ kind, resolution }) => [kind, resolution])).toEqual([
      ['idle-transaction', 'its transaction has ended'],
    ])
    expect(ledger.findings.of(checkout).map(({ evidence }) => evidence.kind)).toEqual(['long-hold'])
  })

  it('resolves once, also if a listener that is told of one releases the client at once', () => {
    const pretended = pretendedPool('redacted', ({ evidence: { kind, checkout } }) => {
      if (kind === 'idle-transaction') pretended.ledger.closed(checkout, false)
    })
    const { ledger, checkOut, open, resolved } = pretended
    const checkout = checkOut()
    open(checkout, 'idle-transaction')
    open(checkout, 'long-hold')
    ledger.findings.resolve(checkout, (kind) => kind === 'idle-transaction', {
      what: 'its transaction has ended',
    })
    expect(resolved.map(({ kind }) => kind)).toEqual(['idle-transaction', 'long-hold'])
    expect(ledger.findings.of(checkout)).toEqual([])
    expect(ledger.findings.all()).toHaveLength(2)
  })

  it('that is an event and no state is resolved from the start', () => {
    const { ledger, checkOut, open, resolved } = pretendedPool()
    const checkout = checkOut()
    open(checkout, 'double-release', true)
    expect(ledger.findings.of(checkout)).toEqual([])
    expect(ledger.findings.all()).toMatchObject([{ kind: 'double-release', resolution: expect.any(String) }])
    expect(resolved).toEqual([])
  })
})

describe('the list of findings', () => {
  it('has the open ones first, then the resolved, the latest first', () => {
    const { ledger, checkOut, open } = pretendedPool()
    const checkouts = [1, 2, 3, 4].map((line) => checkOut(`/app/users.ts:${line}:1`))
    for (const checkout of checkouts) open(checkout)
    const [first, , third] = checkouts
    if (third !== undefined) ledger.closed(third, false)
    if (first !== undefined) ledger.closed(first, false)
    expect(ledger.findings.all().map(({ origin }) => origin?.line)).toEqual([2, 4, 1, 3])
  })
})
