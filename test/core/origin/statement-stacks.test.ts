import { describe, expect, it } from 'vitest'
import { StatementStacks } from '../../../src/core/origin/statement-stacks.ts'
import { countedStack } from './counted-stack.ts'

const user = { stack: 'Error\n    at load (/app/users.ts:1:1)' }
const library = { stack: 'Error\n    at run (/app/node_modules/orm/x.js:1:1)' }

/** Enough checkouts to rely on, each with these stacks. */
function learnt(...ofStatements: (typeof user)[]): StatementStacks {
  const statements = new StatementStacks()
  for (let checkout = 0; checkout < 50; checkout += 1) statements.see(library, ofStatements)
  return statements
}

/** The number of statements whose stacks are recorded. */
function wanted(statements: StatementStacks): number {
  return [0, 1, 2, 3, 4, 5].filter((sent) => statements.wants(sent)).length
}

describe('the stacks of the first statements', () => {
  it('are four until enough checkouts were read, then as many as it took to reach the user', () => {
    const statements = new StatementStacks()
    for (let checkout = 0; checkout < 49; checkout += 1) statements.see(library, [user, user, user, user])
    expect(wanted(statements)).toBe(4)
    statements.see(library, [user, user, user, user])
    expect(wanted(statements)).toBe(1)
    expect(wanted(learnt(library, library, user, user))).toBe(3)
    expect(wanted(learnt(library, library, library, library))).toBe(4)
  })

  it('are as many as the checkout that took the most', () => {
    const statements = new StatementStacks()
    for (let checkout = 0; checkout < 50; checkout += 1)
      statements.see(library, checkout === 7 ? [library, user] : [user])
    expect(wanted(statements)).toBe(2)
  })

  it('are four again once a checkout has no line by fewer', () => {
    const statements = learnt(user)
    statements.sweep()
    statements.see(library, [library])
    expect(wanted(statements)).toBe(4)
    const asked = learnt(user)
    asked.raise()
    expect(wanted(asked)).toBe(4)
  })

  it('are no more because of a checkout that never reaches the user, or reaches it by its caller', () => {
    const statements = learnt(user)
    statements.sweep()
    statements.see(library, [library, library, library, library])
    statements.see(user, [library])
    expect(wanted(statements)).toBe(1)
  })

  it('are four for whom all are to be deep', () => {
    const statements = learnt(user)
    expect([statements.wants(3, true), statements.wants(4, true)]).toEqual([true, false])
  })

  it('are read at the first checkouts, then less and less often', () => {
    const statements = learnt(user)
    const stack = countedStack(user)
    for (let checkout = 0; checkout < 500; checkout += 1) statements.see(library, [stack])
    expect(stack.reads).toBe(0)
    for (let sweep = 0; sweep < 1000; sweep += 1) {
      statements.sweep()
      for (let checkout = 0; checkout < 5; checkout += 1) statements.see(library, [stack])
    }
    expect(stack.reads).toBeGreaterThan(50)
    expect(stack.reads).toBeLessThan(100)
  })
})
