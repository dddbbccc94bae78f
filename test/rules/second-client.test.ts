import { describe, expect, it } from 'vitest'
import { Checkout, type CheckoutPool } from '../../src/core/checkout.ts'
import { CheckoutList } from '../../src/core/checkout-list.ts'
import { Scope } from '../../src/core/scope.ts'
import { maybeSecondClient, secondClientHint } from '../../src/rules/second-client.ts'

const request = () => new Scope({ kind: 'request', name: 'GET /x' }, undefined)

/** A client that has been idle since 1 s, and one caller for each of the waits. */
function held(scope: Scope | undefined, ...waits: { by?: Scope | undefined; since: number }[]) {
  const pool: CheckoutPool = {
    name: 'main',
    out: new CheckoutList(),
    waiters: new Set(),
    endingSince: undefined,
    gauge: () => ({ total: 1, idle: 0, waiting: waits.length, max: 1 }),
    sweep: () => {},
    passingQueries: () => [],
    unseen: () => 0,
  }
  const checkout = new Checkout(1, pool, 'connect', 0, false, undefined, scope)
  checkout.idleSince = 1_000
  pool.out.add(checkout)
  for (const [index, { by, since }] of waits.entries()) {
    pool.waiters.add(new Checkout(2 + index, pool, 'connect', since, true, undefined, by))
  }
  return checkout
}

describe('the hint at a second client', () => {
  it('is given where the scope of the holder waits itself, with how long', () => {
    const scope = request()
    expect(secondClientHint(held(scope, { by: scope, since: 2_000 }), 5_000)).toBe(
      'its request has been waiting 3 s for another client of this pool: pass this one on instead of asking the pool again',
    )
  })

  it('is given where a scope inside that of the holder waits, and not where one around it does', () => {
    const outer = request()
    const inner = new Scope({ kind: 'job', name: 'mail' }, outer)
    expect(secondClientHint(held(outer, { by: inner, since: 2_000 }), 5_000)).toMatch(/^its request has been/)
    expect(secondClientHint(held(inner, { by: outer, since: 2_000 }), 5_000)).toBeUndefined()
  })

  it('passes over other scopes to one that is its own', () => {
    const scope = request()
    const waits = [{ by: request(), since: 1_500 }, { since: 1_500 }, { by: scope, since: 4_000 }]
    expect(secondClientHint(held(scope, ...waits), 5_000)).toMatch(/waiting 1 s /)
    expect(secondClientHint(held(scope, ...waits.slice(0, 2)), 5_000)).toBeUndefined()
  })

  it('is not given where the holder has worked on since the other client was asked for', () => {
    const scope = request()
    expect(secondClientHint(held(scope, { by: scope, since: 999 }), 5_000)).toBeUndefined()
    expect(secondClientHint(held(scope, { by: scope, since: 1_000 }), 5_000)).toBeDefined()
  })
})

describe('the doubt about a holder without a scope', () => {
  it('counts the callers that have begun to wait since it became idle', () => {
    expect(maybeSecondClient(held(undefined, { since: 999 }, { since: 1_000 }))).toBe(
      ', or a wait for a second client (1 caller waits for one)',
    )
    expect(maybeSecondClient(held(undefined, { since: 2_000 }, { by: request(), since: 3_000 }))).toBe(
      ', or a wait for a second client (2 callers wait for one)',
    )
  })

  it('is none where nobody has, and where a scope says whose caller it is', () => {
    expect(maybeSecondClient(held(undefined, { since: 999 }))).toBe('')
    expect(maybeSecondClient(held(request(), { since: 2_000 }))).toBe('')
  })
})
