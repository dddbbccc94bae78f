import { describe, expect, it } from 'vitest'
import { checkExemptRules, type ExemptRule, exemptionBy, isListening } from '../../src/core/exemptions.ts'
import { Scope } from '../../src/core/scope.ts'
import { type Posture, pretendedPool } from './pretended-pool.ts'

function held(lastQuery: string | undefined, posture: Posture = {}) {
  const { checkOut } = pretendedPool()
  const scope = new Scope({ kind: 'job', name: 'queue worker' }, undefined)
  const checkout = checkOut('/app/src/queue.ts:12:20', { scope, ...posture })
  if (lastQuery !== undefined) checkout.noteQuery(lastQuery)
  return checkout
}

describe('a rule', () => {
  it.each<Omit<ExemptRule, 'reason'>>([
    { statement: 'pg_advisory_lock' },
    { statement: /^SELECT pg_advisory_lock/ },
    { origin: 'src/queue.ts:12' },
    { origin: /queue\.ts:12:20 in load$/ },
    { scope: 'worker' },
    { statement: 'advisory', origin: 'queue', scope: /^queue/ },
  ])('exempts a checkout to which all of it applies: %o', (rule) => {
    const rules = [{ ...rule, reason: 'leader election' }]
    expect(exemptionBy(rules, held('SELECT pg_advisory_lock(1)'))).toBe('leader election')
  })

  it.each<Omit<ExemptRule, 'reason'>>([
    { statement: 'LISTEN' },
    { origin: 'src/other.ts' },
    { scope: 'request' },
    { statement: 'advisory', scope: 'request' },
  ])('does not exempt any other: %o', (rule) => {
    const rules = [{ ...rule, reason: 'by design' }]
    expect(exemptionBy(rules, held('SELECT pg_advisory_lock(1)'))).toBeUndefined()
    expect(
      exemptionBy(rules, held(undefined, { scope: new Scope({ kind: 'job', name: 'x' }, undefined) })),
    ).toBe(undefined)
  })

  it('must say what it exempts', () => {
    expect(() => checkExemptRules([{ scope: 'a', reason: 'x' }, { reason: 'all' }])).toThrow(
      'exempt[1] must have a statement, an origin or a scope',
    )
  })
})

describe('a session that listens', () => {
  it.each(['LISTEN orders', 'listen "jobs:insert"', '/* worker */ LISTEN a; LISTEN b'])(
    'is known by its last statement: %s',
    (text) => {
      expect(isListening(held(text))).toBe(true)
    },
  )

  it('is not one that does something else since, failed to, or is in a transaction', () => {
    expect(isListening(held('SELECT 1'))).toBe(false)
    expect(isListening(held('UNLISTEN orders'))).toBe(false)
    expect(isListening(held(undefined))).toBe(false)
    expect(isListening(held('LISTEN orders', { transaction: 'open' }))).toBe(false)
    expect(isListening(held('LISTEN orders', { work: 'query' }))).toBe(false)
    const failed = held('LISTEN orders')
    failed.lastQueryFailed = true
    expect(isListening(failed)).toBe(false)
  })
})
