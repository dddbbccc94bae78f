import { describe, expect, expectTypeOf, it } from 'vitest'
import { type FindingKind, findingKinds, type Remedy } from '../../../src/core/findings/finding.ts'
import { possibleRemedies } from '../../../src/core/findings/possible-remedies.ts'
import { createLifeguard, type LifeguardOptions } from '../../../src/index.ts'
import { resolveOptions } from '../../../src/options.ts'
import { failure } from '../../option-failure.ts'

type Chosen = NonNullable<LifeguardOptions['remedies']>

describe('a remedy', () => {
  const all = [
    'report',
    'rollback',
    'destroy',
    'refuse',
    'reject',
    'reset',
  ] as const satisfies readonly Remedy[]
  const allowed: Readonly<Record<FindingKind, readonly Remedy[]>> = {
    'idle-transaction': ['report', 'rollback', 'destroy'],
    'long-transaction': ['report', 'rollback', 'destroy'],
    'long-hold': ['report', 'destroy'],
    'outlived-scope': ['report', 'rollback', 'destroy'],
    'dirty-release': ['report', 'rollback', 'destroy'],
    'busy-release': ['report', 'destroy'],
    'double-release': ['report', 'refuse'],
    'use-after-release': ['report', 'refuse'],
    'session-state': ['report', 'reset', 'destroy'],
    'lost-commit': ['report'],
    'session-killed': ['report'],
    'nested-acquire': ['report'],
    'pool-deadlock': ['report', 'reject'],
    'pool-exhausted': ['report'],
    'blocked-shutdown': ['report', 'destroy'],
  }

  it.each(findingKinds)('of %s is one that can help', (kind) => {
    for (const mode of ['observe', 'enforce'] as const) {
      for (const remedy of all) {
        if (allowed[kind].includes(remedy)) {
          expect(resolveOptions({ mode, remedies: { [kind]: remedy } }).remedies[kind]).toBe(remedy)
          continue
        }
        const error = failure({ mode, remedies: { [kind]: remedy } })
        expect(error.option).toBe(`remedies.${kind}`)
        expect(error.message).toMatch(new RegExp(`^remedies\\.${kind} must be .*, got "${remedy}"$`))
        for (const good of allowed[kind]) expect(error.message).toContain(`"${good}"`)
      }
    }
  })
})

describe('a remedy that does not exist for a kind', () => {
  it('does not type-check, and is refused when the program runs', () => {
    // @ts-expect-error a second release has nothing to roll back
    const make = () => createLifeguard({ remedies: { 'double-release': 'rollback' } })
    expect(make).toThrow('remedies.double-release must be "refuse" or "report", got "rollback"')
  })

  it('is one that the type and the list agree on, for each kind', () => {
    expectTypeOf<Required<Chosen>>().toEqualTypeOf<{
      readonly [Kind in FindingKind]: (typeof possibleRemedies)[Kind][number]
    }>()
    expectTypeOf<Chosen['double-release']>().toEqualTypeOf<'refuse' | 'report' | undefined>()
    expectTypeOf<Chosen['lost-commit']>().toEqualTypeOf<'report' | undefined>()
    expectTypeOf<Chosen['pool-deadlock']>().toEqualTypeOf<'report' | 'reject' | undefined>()
    expect(Object.keys(possibleRemedies)).toEqual(findingKinds)
  })
})
