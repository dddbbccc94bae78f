import { describe, expect, it } from 'vitest'
import { deepStack, shallowStack } from '../../../src/core/origin/origin.ts'
import { OriginDepth } from '../../../src/core/origin/origin-depth.ts'
import { PoolStacks } from '../../../src/core/origin/pool-stacks.ts'

const user = {
  stack: 'Error\n    at connect (/app/node_modules/pg-lifeguard/x.js:1:1)\n    at load (/app/users.ts:1:1)',
}
const begin = {
  stack: 'Error\n    at query (/app/node_modules/pg-lifeguard/x.js:1:1)\n    at load (/app/users.ts:2:1)',
}
const library = {
  stack:
    'Error\n    at connect (/app/node_modules/pg-lifeguard/x.js:1:1)\n    at run (/app/node_modules/orm/x.js:1:1)',
}

/** A pool that was used a thousand times, always with these stacks. */
function used(caller: typeof user, opener: typeof begin, areDeep = () => false): PoolStacks {
  const stacks = new PoolStacks(areDeep)
  for (let checkout = 0; checkout < 1000; checkout += 1) {
    stacks.callerDepth()
    stacks.sawCaller(caller)
    stacks.openerDepth(caller, 0)
    stacks.sawOpener(opener, caller)
  }
  return stacks
}

/** A pool whose users have called it themselves so far. */
const direct = (areDeep = () => false, opener = begin) => used(user, opener, areDeep)

describe('the stacks of a pool that its users call themselves', () => {
  it('are short, and none of BEGIN, where the function that checks out sends it', () => {
    const stacks = direct()
    expect([stacks.callerDepth(), stacks.openerDepth(user, 0)]).toEqual([2, 0])
    expect(stacks.usualOpener(user)).toMatchObject({ file: '/app/users.ts', line: 2, isUsual: true })
    expect(stacks.mayMissUser(user)).toBe(false)
  })

  it('are short, of callers and of BEGIN, where another function sends it', () => {
    const stacks = direct(() => false, { stack: begin.stack.replace('load', 'begin') })
    expect([stacks.callerDepth(), stacks.openerDepth(user, 0)]).toEqual([2, 2])
    expect(stacks.usualOpener(user)).toBeUndefined()
  })

  it('are deep where all are to be', () => {
    let areDeep = false
    const stacks = direct(() => areDeep)
    areDeep = true
    expect([stacks.callerDepth(), stacks.openerDepth(user, 0)]).toEqual([deepStack, shallowStack])
  })

  it('are of BEGIN, too, after a finding, and when a deep one is due', () => {
    const stacks = direct()
    stacks.sweep()
    expect(stacks.openerDepth(user, 0)).toBe(shallowStack)
    for (let statement = 0; statement < 20; statement += 1) stacks.openerDepth(user, 0)
    expect(stacks.openerDepth(user, 0)).toBe(0)
    stacks.deepen()
    expect(stacks.openerDepth(user, 0)).toBe(shallowStack)
  })

  it('are of BEGIN, too, once callers need deep ones', () => {
    const stacks = direct()
    stacks.raise(library)
    expect(stacks.openerDepth(user, 0)).toBeGreaterThan(0)
  })

  it('become deep when a new statement finds one that is too short', () => {
    const stacks = direct()
    expect(stacks.lackLine(user)).toBe(false)
    expect(stacks.lackLine(library)).toBe(true)
    expect(stacks.callerDepth()).toBe(deepStack)
    // A deep one that does not reach the user needs a statement, too.
    expect(stacks.lackLine(library)).toBe(true)
  })

  it('are read at a few new statements between two sweeps only, which may all be new', () => {
    const stacks = direct()
    for (let statement = 0; statement < 5; statement += 1) expect(stacks.lackLine(user)).toBe(false)
    expect(stacks.lackLine(library)).toBe(false)
    stacks.sweep()
    expect(stacks.lackLine(library)).toBe(true)
  })
})

describe('the stacks of a pool that a library calls', () => {
  const deep = {
    stack: `Error${'\n    at run (/app/node_modules/orm/x.js:1:1)'.repeat(8)}\n    at load (/app/users.ts:1:1)`,
  }

  it('are deep, and none of BEGIN, where that of the library never reaches the user', () => {
    const stacks = used(deep, library)
    expect([stacks.callerDepth(), stacks.openerDepth(deep, 0)]).toEqual([deepStack, 0])
    expect(stacks.usualOpener(deep)).toBeUndefined()
    expect(stacks.lackLine(deep)).toBe(false)
  })

  it('are those of BEGIN, too, where it may be the only one that reaches the user', () => {
    expect(used(library, begin).openerDepth(library, 0)).toBe(deepStack)
    expect(used(deep, { stack: begin.stack.replace('load', 'begin') }).openerDepth(deep, 0)).toBeGreaterThan(
      0,
    )
  })
})

describe('the stacks of a pool whose library loses its user', () => {
  /** Checkouts that are over, with the stacks of their statements. */
  function lost(areDeep = () => false): PoolStacks {
    const stacks = new PoolStacks(areDeep)
    for (let checkout = 0; checkout < 1000; checkout += 1) {
      stacks.callerDepth()
      stacks.sawCaller(library)
      stacks.sawStatements(library, [user, begin])
    }
    return stacks
  }
  const wanted = (stacks: PoolStacks) => [0, 1, 2, 3, 4].filter((sent) => stacks.wantStatement(sent))

  it('are deep, with one of as many first statements as it took to find a line', () => {
    const stacks = lost()
    expect([stacks.callerDepth(), stacks.loseUser(library)]).toEqual([deepStack, true])
    expect(wanted(stacks)).toEqual([0])
    expect(wanted(lost(() => true))).toEqual([0, 1, 2, 3])
  })

  it('are those of a new statement, too, if those before it have no line, and of four from then on', () => {
    const stacks = lost()
    expect(stacks.lackLine(library, [user])).toBe(false)
    // The next one is recorded anyway.
    expect(stacks.lackLine(library, [])).toBe(false)
    expect(stacks.lackLine(library, [library])).toBe(true)
    expect(wanted(stacks)).toEqual([0, 1, 2, 3])
  })

  it('are those of four statements once a checkout has no line', () => {
    const stacks = lost()
    stacks.raise(library)
    expect(wanted(stacks)).toEqual([0, 1, 2, 3])
  })
})

describe('the stacks that a library has recorded for its callers', () => {
  const carried = { ...user, carried: 2 }

  /** A pool of a library that carries some stacks, and loses the user in all others. */
  function mixed(caller: typeof carried) {
    const depths = new OriginDepth(deepStack)
    const stacks = new PoolStacks(() => false)
    stacks.carry(depths)
    for (let checkout = 0; checkout < 1000; checkout += 1) {
      depths.next()
      depths.see(caller)
      stacks.sawCaller(caller)
      stacks.callerDepth()
      stacks.sawCaller(library)
    }
    return { depths, stacks }
  }

  it('reach the user, whatever the others do', () => {
    const { stacks } = mixed(carried)
    expect([stacks.loseUser(carried), stacks.loseUser(library)]).toEqual([false, true])
    expect([stacks.mayMissUser(carried), stacks.mayMissUser(library)]).toEqual([false, true])
  })

  it('show the line of BEGIN, which the library sends first or after one other', () => {
    const { stacks } = mixed(carried)
    expect([0, 1].map((sent) => stacks.openerDepth(carried, sent))).toEqual([0, 0])
    expect(stacks.openerDepth(carried, 2)).toBe(shallowStack)
    expect(stacks.openerDepth(library, 0)).toBe(deepStack)
    expect(stacks.usualOpener(carried)).toMatchObject({ file: '/app/users.ts', line: 1 })
  })

  it('need those of statements and of BEGIN where they do not reach the user', () => {
    const { stacks } = mixed({ ...library, carried: 2 })
    expect(stacks.loseUser(carried)).toBe(true)
    expect(stacks.openerDepth(carried, 0)).toBe(deepStack)
  })

  it('become deep by themselves when one is too short, and show all callers after a finding', () => {
    const { depths, stacks } = mixed(carried)
    expect(depths.next()).toBe(2)
    stacks.deepen()
    expect(depths.next()).toBe(deepStack)
    expect(depths.isShallow).toBe(true)
    stacks.raise({ ...library, carried: 2 })
    expect(depths.isShallow).toBe(false)
  })
})
