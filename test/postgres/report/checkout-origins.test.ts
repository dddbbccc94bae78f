import { describe, expect, it } from 'vitest'
import type { ServerSession, ServerSnapshot } from '../../../src/postgres/index.ts'
import { checkoutOrigins, type OwnCheckout } from '../../../src/postgres/report/checkout-origins.ts'

const session: ServerSession = {
  ...{ pid: 10, hidden: false, state: 'idle in transaction' },
  backendStart: '2026-01-01T00:00:00.000000Z',
}
const snapshot = { sessions: [session] } as unknown as ServerSnapshot
const checkout: OwnCheckout = {
  ...{ pid: 10, pool: 'main', transaction: 'open', place: 'src/a.ts:3', scope: 'GET /a' },
  acquiredAt: Date.parse('2026-01-01T00:01:00Z'),
}
const originOf = (one: OwnCheckout, ...others: OwnCheckout[]) =>
  checkoutOrigins([one, ...others], snapshot)(session)

describe('the checkout of a session', () => {
  it('is the one with its pid', () => {
    expect(originOf(checkout)).toEqual({ source: 'application', text: 'src/a.ts:3 GET /a' })
    expect(checkoutOrigins([{ ...checkout, pid: 11 }], snapshot)(session)).toBeUndefined()
  })

  it('names at least the pool', () => {
    const { pid, pool, transaction } = checkout
    expect(originOf({ pid, pool, transaction })).toMatchObject({ text: 'pool main' })
  })

  it('is doubted if the transactions differ, the session is younger, or others of its pool are not known', () => {
    expect(originOf({ ...checkout, transaction: 'idle' })?.unverified).toContain('the transaction as idle')
    expect(originOf({ ...checkout, acquiredAt: 0 })?.unverified).toContain('younger')
    expect(originOf(checkout, { ...checkout, pid: 99 })?.unverified).toContain('pooler')
  })
})
