import { describe, expect, it } from 'vitest'
import { deepStack, shallowStack } from '../../../src/core/origin/origin.ts'
import { PoolStacks } from '../../../src/core/origin/pool-stacks.ts'

const user = {
  stack: 'Error\n    at connect (/app/node_modules/pg-lifeguard/x.js:1:1)\n    at load (/app/users.ts:1:1)',
}
const library = {
  stack:
    'Error\n    at connect (/app/node_modules/pg-lifeguard/x.js:1:1)\n    at run (/app/node_modules/orm/x.js:1:1)',
}

/** A pool whose users have called it themselves so far. */
function direct(areDeep = () => false): PoolStacks {
  const stacks = new PoolStacks(areDeep)
  for (let checkout = 0; checkout < 1000; checkout += 1) {
    stacks.callerDepth()
    stacks.sawCaller(user)
    stacks.openerDepth()
    stacks.sawOpener(user)
  }
  return stacks
}

describe('the stacks of a pool that its users call themselves', () => {
  it('are short, of callers and of BEGIN', () => {
    const stacks = direct()
    expect([stacks.callerDepth(), stacks.openerDepth()]).toEqual([2, 2])
    expect(stacks.mayMissUser).toBe(false)
  })

  it('are deep where all are to be', () => {
    let areDeep = false
    const stacks = direct(() => areDeep)
    areDeep = true
    expect([stacks.callerDepth(), stacks.openerDepth()]).toEqual([deepStack, shallowStack])
  })

  it('become deep when a new statement finds one that is too short', () => {
    const stacks = direct()
    expect(stacks.isTooShort(user)).toBe(false)
    expect(stacks.isTooShort(library)).toBe(true)
    expect(stacks.callerDepth()).toBe(deepStack)
    // From now on they are deep, and reading them is the sweep's work.
    expect(stacks.isTooShort(library)).toBe(false)
  })

  it('are read at a few new statements between two sweeps only, which may all be new', () => {
    const stacks = direct()
    for (let statement = 0; statement < 5; statement += 1) expect(stacks.isTooShort(user)).toBe(false)
    expect(stacks.isTooShort(library)).toBe(false)
    stacks.sweep()
    expect(stacks.isTooShort(library)).toBe(true)
  })
})
