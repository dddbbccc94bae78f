import { describe, expect, it } from 'vitest'
import { Scope } from '../../src/core/scope.ts'

const request = { kind: 'request', name: 'GET /datasets/:id' }
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'

describe('a scope as data', () => {
  it('has what it was opened with, and nothing that is unknown', () => {
    expect(new Scope(request, undefined).data()).toEqual(request)
    const whole = { ...request, id: '7', attributes: { tenant: 'acme', retries: 2, cached: false } }
    const { attributes, ...rest } = new Scope(whole, undefined).data()
    expect({ ...rest, attributes }).toEqual(whole)
    expect(attributes).not.toBe(whole.attributes)
  })

  it('says how it ended, by the first end that it was told of', () => {
    const scope = new Scope(request, undefined)
    expect(scope.data()).not.toHaveProperty('ending')
    scope.end(1_000, 'the client aborted')
    scope.end(2_000, 'answered')
    expect(scope.endedAt).toBe(1_000)
    expect(scope.data().ending).toBe('the client aborted')
  })

  it('asks for a name that is a function each time, as late as possible', () => {
    let route = 'GET *'
    const scope = new Scope({ kind: 'request', name: () => route }, undefined)
    expect(scope.data().name).toBe('GET *')
    route = 'GET /datasets/:id'
    expect(scope.data().name).toBe('GET /datasets/:id')
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no route')
      },
    ],
    ['returns nothing', () => undefined],
    ['returns an empty text', () => ''],
    ['returns something else', () => 7],
  ])('is called by its kind if its name %s', (_what, name) => {
    expect(new Scope({ kind: 'request', name: name as () => string }, undefined).data().name).toBe('request')
  })
})

describe('a traceparent', () => {
  const traceOf = (traceparent: string) => {
    const data = new Scope({ ...request, traceparent }, undefined).data()
    return { traceId: data.traceId, spanId: data.spanId }
  }

  it('gives trace and span', () => {
    expect(traceOf(`00-${traceId}-${spanId}-01`)).toEqual({ traceId, spanId })
    expect(traceOf(`cc-${traceId}-${spanId}-01-what-will-be`)).toEqual({ traceId, spanId })
  })

  it.each([
    '',
    'garbage',
    `00-${traceId}-${spanId}`,
    `ff-${traceId}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `x 00-${traceId}-${spanId}-01`,
  ])('that is malformed gives nothing: %s', (traceparent) => {
    expect(traceOf(traceparent)).toEqual({})
  })
})

describe('scopes inside scopes', () => {
  const outer = new Scope(request, undefined)
  const inner = new Scope({ kind: 'job', name: 'mail' }, outer)
  const innermost = new Scope({ kind: 'job', name: 'one mail' }, inner)
  const sibling = new Scope({ kind: 'job', name: 'mail' }, outer)

  it('enclose themselves and what is inside them', () => {
    for (const scope of [outer, inner, innermost]) expect(outer.encloses(scope)).toBe(true)
    expect(inner.encloses(innermost)).toBe(true)
  })

  it('enclose neither what is around or beside them, nor what has no scope', () => {
    expect(inner.encloses(outer)).toBe(false)
    expect(inner.encloses(sibling)).toBe(false)
    expect(sibling.encloses(innermost)).toBe(false)
    expect(outer.encloses(undefined)).toBe(false)
  })
})
