import { describe, expect, it } from 'vitest'
import type { Finding } from '../../src/index.ts'
import { findingText, repeatText, updateText } from '../../src/reporters/finding-text.ts'
import { plain } from '../../src/text/style.ts'
import { sampleFinding, without } from './sample-findings.ts'

const { checkout } = sampleFinding()
const second = { file: '/app/src/orders.ts', line: 30, column: 12, functionName: 'finish', frames: [] }

function text(finding: Finding, columns: number | undefined = 80): string {
  return findingText(finding, { style: plain, columns, frame: false })
}

describe('the place of a finding', () => {
  it('is the line of the event where that of the checkout is unknown', () => {
    const late = without(
      sampleFinding({ kind: 'use-after-release', certainty: 'certain', eventOrigin: second }),
      'origin',
    )
    expect(text(late)).toContain('\n  used after release at /app/src/orders.ts:30:12 in finish\n')
    expect(text(late)).not.toContain('unknown')
    expect(repeatText({ ...late, occurrences: 2 }, plain, undefined)).toContain(
      'use-after-release at /app/src/orders.ts:30:12 again',
    )
    expect(updateText({ ...late, resolution: 'released' }, 'resolved', plain)).toContain(
      'at /app/src/orders.ts:30:12: released',
    )
  })

  it('is unknown for a reason that is true', () => {
    const nowhere = (differing: Partial<Finding['checkout']>) =>
      text(without(sampleFinding({ checkout: { ...checkout, ...differing } }), 'origin'))
    const lost = '  line unknown: a library between your code and the pool has lost it\n'
    expect(nowhere({})).toContain(lost)
    expect(nowhere({ via: 'pool.query', phase: 'waiting' })).toContain(lost)
    expect(nowhere({ via: 'pool.query', phase: 'out' })).toContain(
      '  line unknown: for pool.query it is recorded only if the text shows that the statement may leave something behind\n',
    )
  })
})

describe('the query of a finding', () => {
  it('is the last one of a client, and the only one of a caller that waits', () => {
    expect(text(sampleFinding())).toContain('\n  last query: SELECT id FROM orders WHERE note = ?\n')
    expect(text(sampleFinding({ checkout: { ...checkout, phase: 'waiting' } }))).toContain(
      '\n  query: SELECT id FROM orders WHERE note = ?\n',
    )
  })
})

describe('holders', () => {
  it('have their query on a line of its own, and no number apart from its unit', () => {
    const lastQuery = 'UPDATE accounts SET balance = balance - ? WHERE id = $1 AND balance - ? > 0'
    const holder = { via: 'connect' as const, origin: second, heldMillis: 5_000, pid: 4711, lastQuery }
    const scope = { kind: 'request', name: 'POST /bookings/:id' }
    const lines = text(sampleFinding({ kind: 'pool-exhausted', holders: [{ ...holder, scope }] })).split('\n')
    expect(lines.slice(lines.indexOf('  held by'))).toEqual([
      '  held by',
      '  - /app/src/orders.ts:30:12, request POST /bookings/:id, held for 5 s, server',
      '    pid 4711',
      '    last query: UPDATE accounts SET balance = balance - ? WHERE id = $1 AND',
      '      balance - ? > 0',
      '',
    ])
  })
})

describe('what was done', () => {
  it.each([
    ['rolled-back', 'done: the transaction was rolled back'],
    ['destroyed', 'done: the session was destroyed, its slot is free'],
    ['refused', 'done: the call was refused'],
    ['reset', 'done: the session was reset'],
    ['rejected', 'done: the last caller was rejected'],
  ] as const)('is said of %s', (outcome, said) => {
    expect(text(sampleFinding({ outcome }))).toContain(`\n  ${said}\n`)
  })
})
