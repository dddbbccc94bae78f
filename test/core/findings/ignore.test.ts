import { describe, expect, it } from 'vitest'
import { type IgnoreRule, ignoring } from '../../../src/core/findings/ignore.ts'
import { Scope } from '../../../src/core/scope.ts'
import { OptionError } from '../../../src/errors.ts'
import { pretendedPool } from '../pretended-pool.ts'

function sample() {
  const { checkOut, open } = pretendedPool()
  const scope = new Scope({ kind: 'test', name: 'orders > listens' }, undefined)
  const record = open(checkOut('/app/src/listen.ts:12:20', { scope }), 'outlived-scope')
  if (record === undefined) throw new Error('the first finding of a checkout is opened')
  return record.data()
}

describe('a rule', () => {
  it.each<IgnoreRule>([
    { kind: 'outlived-scope' },
    { origin: 'src/listen.ts' },
    { origin: /listen\.ts:12:20 in load$/ },
    { scope: 'listens' },
    { scope: /^orders/g },
    { reason: 'a hint for' },
    { kind: 'outlived-scope', origin: 'listen.ts', scope: 'orders', reason: /hint/ },
  ])('applies to what it describes: %o', (rule) => {
    const isIgnored = ignoring([rule])
    // Twice: a RegExp with the flag g remembers where it was.
    expect([isIgnored(sample()), isIgnored(sample())]).toEqual([true, true])
  })

  it.each<IgnoreRule>([
    { kind: 'long-hold' },
    { origin: 'listen.ts:13' },
    { scope: 'invoices' },
    { reason: /^hint/ },
    { kind: 'outlived-scope', scope: 'invoices' },
  ])('does not apply to anything else: %o', (rule) => {
    expect(ignoring([rule])(sample())).toBe(false)
  })

  it('is one of several, any of which may apply; none ignores nothing', () => {
    expect(ignoring([{ kind: 'long-hold' }, { scope: 'orders' }])(sample())).toBe(true)
    expect(ignoring()(sample())).toBe(false)
  })

  it.each<[unknown, string]>([
    ['all', 'ignore must be an array'],
    [[undefined], 'ignore[0] must be an object'],
    [[{}], 'ignore[0] must have a kind'],
    [[{ kind: undefined }], 'ignore[0] must have a kind'],
    [[{ kind: 'leak' }], 'ignore[0].kind must be'],
    [[{ scope: 'a' }, { place: 'b' }], 'unknown option ignore[1].place'],
    [[{ origin: '' }], 'ignore[0].origin must be'],
    [[{ reason: 7 }], 'ignore[0].reason must be'],
  ])('%o is refused', (rules, message) => {
    expect(() => ignoring(rules as never)).toThrow(OptionError)
    expect(() => ignoring(rules as never)).toThrow(message)
  })
})
