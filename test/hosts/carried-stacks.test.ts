import { describe, expect, it } from 'vitest'
import { type CapturedStack, deepStack, originOf } from '../../src/core/origin/origin.ts'
import { PoolStacks } from '../../src/core/origin/pool-stacks.ts'
import { CarriedStacks } from '../../src/hosts/carried-stacks.ts'

const stackOf = (frames: number): CapturedStack => ({
  stack: `Error${'\n    at run (/app/node_modules/orm/x.js:1:1)'.repeat(frames - 1)}\n    at load (/app/users.ts:1:1)`,
})

/** Carriers of a library that was called a thousand times, at this distance from the user. */
function called(frames: number, areDeep = () => false) {
  const callers = new CarriedStacks(false)
  callers.join(new PoolStacks(areDeep))
  for (let call = 0; call < 1000; call += 1) {
    callers.depth()
    callers.saw(stackOf(frames))
  }
  return callers
}

describe('stacks that a library carries to its pool', () => {
  it('are as short as the line allows, and not shorter than asked for', () => {
    expect(called(5).depth()).toBe(5)
    expect(called(5).depth(7)).toBe(7)
    expect(called(12).depth()).toBe(12)
    expect(called(13).depth()).toBe(deepStack)
  })

  it('are deep at first, and where all are to be', () => {
    expect(new CarriedStacks(false).depth()).toBe(deepStack)
    expect(called(5, () => true).depth()).toBe(deepStack)
  })

  it('say how deep they could have been', () => {
    const callers = called(5)
    const stack = stackOf(5)
    callers.depth()
    callers.saw(stack)
    expect(stack.carried).toBe(5)
    expect(originOf(stack)).toMatchObject({ file: '/app/users.ts' })
  })

  it('are taken once, while the library asks its pool', async () => {
    const callers = new CarriedStacks(false)
    const stack = stackOf(5)
    expect(callers.take()).toBeUndefined()
    const taken = callers.carry(stack, () => [callers.take(), callers.take()])
    expect(taken).toEqual([stack, undefined])
    expect(callers.take()).toBeUndefined()
  })

  it('are taken in later turns, too, from the second call on', async () => {
    const callers = new CarriedStacks(false)
    const [first, second, third] = [stackOf(5), stackOf(6), stackOf(7)]
    const ask = async () => {
      await undefined
      return callers.take()
    }
    expect(await callers.carry(first, ask)).toBeUndefined()
    expect(await Promise.all([callers.carry(second, ask), callers.carry(third, ask)])).toEqual([
      second,
      third,
    ])
    expect(callers.carry(first, () => callers.take())).toBe(first)
    expect(callers.take()).toBeUndefined()
  })

  it('are taken once in later turns, so that a connection that opens there does not keep them', async () => {
    const callers = new CarriedStacks(true)
    const stack = stackOf(5)
    const taken = await callers.carry(stack, async () => {
      await undefined
      return [callers.take(), callers.take()]
    })
    expect(taken).toEqual([stack, undefined])
  })

  it('leave nothing behind when the library throws', () => {
    const callers = new CarriedStacks(false)
    const fail = () => {
      throw new Error('no pool')
    }
    expect(() => callers.carry(stackOf(5), fail)).toThrow('no pool')
    expect(callers.take()).toBeUndefined()
  })
})
