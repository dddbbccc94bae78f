import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { LeakCheckError, leakError } from '../../src/testing/leak-error.ts'
import { sampleFinding, without } from '../reporters/sample-findings.ts'

const byMessage = { framesByRunner: false }

describe('a LeakError', () => {
  it('has the stack of the checkout, so that a runner shows the line that leaks', () => {
    expect(leakError([sampleFinding()], byMessage).stack?.split('\n').at(-1)).toBe(
      '    at showOrder (/app/src/orders.ts:12:29)',
    )
  })

  it('has no stack at all rather than that of the check where no line is known', () => {
    const { stack } = leakError([without(sampleFinding(), 'origin')], byMessage)
    expect(stack).not.toMatch(/^ +at /m)
  })

  it('carries its findings, and prints them once', () => {
    const finding = sampleFinding()
    const error = leakError([finding], byMessage)
    expect(error.findings).toEqual([finding])
    expect(error.code).toBe('LIFEGUARD_LEAK')
    expect(inspect(error)).not.toContain('findings')
    expect(Object.keys(error)).toEqual([])
  })

  it('begins with the kind, and with the number where there are several', () => {
    expect(leakError([sampleFinding()], byMessage).message).toMatch(/^idle-transaction in pool main/)
    const { message } = leakError([sampleFinding(), sampleFinding({ kind: 'dirty-release' })], byMessage)
    expect(message).toMatch(/^2 leaks\n\nidle-transaction in pool main(.|\n)*\ndirty-release in pool main/)
  })
})

it('a LeakCheckError leads to no line: it is about the set-up', () => {
  const error = new LeakCheckError('the lifeguard watches no pool')
  expect(error.stack).toBe('LeakCheckError: the lifeguard watches no pool')
  expect(error.code).toBe('LIFEGUARD_LEAK_CHECK')
})
