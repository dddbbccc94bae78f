import { describe, expect, it } from 'vitest'
import { pretendedPool } from './pretended-pool.ts'

describe('a checkout', () => {
  it('is among those who wait, then among those who are out, then nowhere', () => {
    const { ledger, pool, wait, clock } = pretendedPool()
    const checkout = wait()
    expect([[...pool.waiters], [...pool.out]]).toEqual([[checkout], []])
    clock.advance(300)

    const control = pretendedPool().checkOut(undefined, { pid: 4711 }).control
    if (control === undefined) throw new Error('a client that is out has a control')
    ledger.acquired(checkout, control)
    expect([[...pool.waiters], [...pool.out]]).toEqual([[], [checkout]])
    expect(checkout).toMatchObject({ phase: 'out', pid: 4711, requestedAt: 0, acquiredAt: 300 })

    ledger.closed(checkout, false)
    expect([pool.waiters.size, pool.out.size, checkout.phase]).toEqual([0, 0, 'over'])
  })

  it('is announced when it is asked for, before anything else happens', () => {
    const { wait, checkOut, requests } = pretendedPool()
    wait()
    checkOut()
    expect(requests()).toBe(2)
  })

  it('has a number of its own', () => {
    const { checkOut } = pretendedPool()
    const ids = [checkOut(), checkOut(), checkOut()].map(({ id }) => id)
    expect(new Set(ids).size).toBe(3)
  })

  it('keeps nothing of the client and its statements once it is over', () => {
    const { ledger, checkOut } = pretendedPool()
    const checkout = checkOut()
    checkout.lastQuery = 'SELECT 1'
    checkout.laterStacks = [{ stack: 'Error' }]
    ledger.closed(checkout, false)
    expect(checkout).toMatchObject({ control: undefined, lastQuery: undefined, laterStacks: undefined })
  })

  it('that nobody got a client for waits no longer', () => {
    const { ledger, pool, wait, open, resolved } = pretendedPool()
    const checkout = wait()
    open(checkout, 'pool-exhausted')
    ledger.withdrawn(checkout, 'gave up')
    expect([pool.waiters.size, checkout.phase]).toEqual([0, 'over'])
    expect(resolved.map(({ resolution }) => resolution)).toEqual(['gave up after 0 ms'])
  })
})

describe('a finding', () => {
  it('resolves when the client is released, and says after how long', () => {
    const { clock, ledger, checkOut, open, resolved } = pretendedPool()
    const checkout = checkOut('/app/users.ts:12:3')
    open(checkout)
    clock.advance(41_200)
    ledger.closed(checkout, false)
    expect(resolved).toMatchObject([
      { kind: 'long-hold', resolution: 'released after 41.2 s', resolvedAt: clock.epochMillis() },
    ])
    expect(ledger.findings.of(checkout)).toEqual([])
  })

  it.each(['dirty-release', 'busy-release'] as const)(
    'of the kind %s outlasts the release that it is about',
    (kind) => {
      const { ledger, checkOut, open, resolved } = pretendedPool()
      const checkout = checkOut()
      open(checkout, kind)
      open(checkout, 'long-hold')
      ledger.closed(checkout, false)
      expect(resolved.map((finding) => finding.kind)).toEqual(['long-hold'])
      expect(ledger.findings.of(checkout).map(({ evidence }) => evidence.kind)).toEqual([kind])
      ledger.findings.resolve(checkout, () => true, { what: 'its transaction has ended' })
      expect(resolved.map((finding) => finding.kind)).toEqual(['long-hold', kind])
    },
  )

  it('of a session that was destroyed stays open until its owner releases', () => {
    const { clock, ledger, pool, checkOut, open, resolved } = pretendedPool()
    const checkout = checkOut()
    open(checkout)
    ledger.destroyed(checkout)
    expect([pool.out.size, checkout.phase, resolved.length]).toEqual([0, 'destroyed', 0])
    clock.advance(90_000)
    ledger.releasedLate(checkout)
    expect(resolved.map(({ resolution }) => resolution)).toEqual(['released after 1 min 30 s'])
  })

  it('about a wait says nothing about the checkout that follows', () => {
    const { ledger, wait, open, resolved, checkOut } = pretendedPool()
    const checkout = wait()
    open(checkout, 'pool-exhausted')
    const { control } = checkOut()
    if (control === undefined) throw new Error('a client that is out has a control')
    ledger.acquired(checkout, control)
    expect(resolved.map(({ kind, resolution }) => [kind, resolution])).toEqual([
      ['pool-exhausted', 'got a client after 0 ms'],
    ])
    expect(open(checkout, 'long-hold')).toBeDefined()
  })
})

describe('memory', () => {
  it('gives up on the oldest destroyed session when 200 wait for owners who never release', () => {
    const { ledger, checkOut, open, resolved } = pretendedPool()
    const checkouts = Array.from({ length: 203 }, (_, index) => checkOut(`/app/users.ts:${index + 1}:1`))
    for (const checkout of checkouts) {
      open(checkout)
      ledger.destroyed(checkout)
    }
    expect(resolved.map(({ origin, resolution }) => [origin?.line, resolution])).toEqual([
      [1, 'never released by its owner'],
      [2, 'never released by its owner'],
      [3, 'never released by its owner'],
    ])
    expect(ledger.findings.all().filter(({ resolution }) => resolution === undefined)).toHaveLength(200)
    const [first] = checkouts
    if (first !== undefined) ledger.releasedLate(first)
    expect(resolved).toHaveLength(3)
  })

  it('keeps nothing of a checkout that no finding was opened for', () => {
    const { ledger, pool, checkOut } = pretendedPool()
    for (let made = 0; made < 10_000; made++) ledger.closed(checkOut(), false)
    expect([pool.out.size, pool.waiters.size, ledger.findings.all().length]).toEqual([0, 0, 0])
  })
})
