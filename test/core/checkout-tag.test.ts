import { describe, expect, it } from 'vitest'
import { checkoutTag, type TagContent } from '../../src/core/checkout-tag.ts'
import { Scope } from '../../src/core/scope.ts'
import { pretendedPool } from './pretended-pool.ts'

const content: TagContent = { application: 'shop', origin: true, route: true, traceparent: true }
const request = () => new Scope({ kind: 'request', name: 'GET /orders/:id' }, undefined)

describe('the tag of a checkout', () => {
  it('has the application, the line and the route', () => {
    const { checkOut } = pretendedPool()
    const tag = checkoutTag(content)(checkOut('/app/orders.ts:12:3', { scope: request() }))
    expect(tag).toContain("application='shop'")
    expect(tag).toContain("origin='%2Fapp%2Forders.ts%3A12%3A3'")
    expect(tag).toContain("route='GET%20%2Forders%2F%3Aid'")
    expect(tag).not.toContain('traceparent')
  })

  it('names kind and name of a scope that is no request', () => {
    const { checkOut } = pretendedPool()
    const scope = new Scope({ kind: 'job', name: 'nightly' }, undefined)
    const tag = checkoutTag(content)(checkOut(undefined, { scope }))
    expect(tag).toContain("scope='job%20nightly'")
    expect(tag).not.toContain('route=')
  })

  it('has the span that was active, or else the one that the scope came with', () => {
    const { checkOut } = pretendedPool()
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    const scope = new Scope({ kind: 'request', name: 'GET /', traceparent }, undefined)
    const checkout = checkOut(undefined, { scope })
    expect(checkoutTag(content)(checkout)).toContain(`traceparent='${traceparent}'`)
    checkout.tag = undefined
    checkout.span = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 0 }
    expect(checkoutTag(content)(checkout)).toContain(`${'c'.repeat(32)}-${'d'.repeat(16)}-00`)
  })

  it('leaves out whatever is switched off', () => {
    const { checkOut } = pretendedPool()
    const little = checkoutTag({ ...content, origin: false, route: false })
    const tag = little(checkOut('/app/orders.ts:12:3', { scope: request() }))
    expect(tag).toContain("application='shop'")
    expect(tag).not.toMatch(/origin|route/)
  })

  it('is made once, with the first statement whose line is known', () => {
    const { checkOut } = pretendedPool()
    const tagged = checkoutTag(content)
    const checkout = checkOut()
    expect(tagged(checkout)).not.toContain('origin')
    checkout.laterStacks = [{ stack: 'Error\n    at load (/app/late.ts:7:1)' }]
    const tag = tagged(checkout)
    expect(tag).toContain('late.ts')
    checkout.laterStacks = [{ stack: 'Error\n    at load (/app/later.ts:9:1)' }]
    expect(tagged(checkout)).toBe(tag)
  })

  it('gives up on the line after some statements', () => {
    const { checkOut } = pretendedPool()
    const tagged = checkoutTag(content)
    const checkout = checkOut()
    for (let sent = 1; sent <= 5; sent++) {
      checkout.noteQuery('SELECT 1')
      tagged(checkout)
    }
    checkout.laterStacks = [{ stack: 'Error\n    at load (/app/late.ts:7:1)' }]
    expect(tagged(checkout)).not.toContain('late.ts')
  })
})
