import { describe, expect, it } from 'vitest'
import { callAfter, callBefore, Override } from '../../src/client/override.ts'
import { isFast } from '../support/fast-object.ts'

class Greeter {
  greet(): string {
    return 'hello'
  }
}
const loudly = (original: (...args: unknown[]) => unknown) =>
  function (this: unknown) {
    return `${Reflect.apply(original, this, [])}!`
  }

describe('an override', () => {
  it('replaces the method on one object and hides from a listing of it', () => {
    const greeter = new Greeter()
    const override = new Override(greeter, 'greet', loudly)
    expect(greeter.greet()).toBe('hello!')
    expect(new Greeter().greet()).toBe('hello')
    expect(Object.keys(greeter)).toEqual([])
    override.restore()
    expect(Object.hasOwn(greeter, 'greet')).toBe(false)
  })

  it('puts back a method that the object had of its own, as it was', () => {
    const greeter = Object.assign(new Greeter(), { greet: () => 'hi' })
    const before = Object.getOwnPropertyDescriptor(greeter, 'greet')
    new Override(greeter, 'greet', loudly).restore()
    expect(Object.getOwnPropertyDescriptor(greeter, 'greet')).toEqual(before)
  })

  it('leaves the object as fast as it was, whatever was added to it meanwhile', () => {
    const greeter = new Greeter()
    const override = new Override(greeter, 'greet', loudly)
    Object.assign(greeter, { language: 'en' })
    override.restore()
    expect([isFast(greeter), greeter.greet()]).toEqual([true, 'hello'])
  })

  it('stays under what somebody else has put over it', () => {
    const greeter = new Greeter()
    const override = new Override(greeter, 'greet', loudly)
    const { greet } = greeter
    greeter.greet = () => `${greet.call(greeter)}?`
    override.restore()
    expect(greeter.greet()).toBe('hello!?')
  })
})

describe('a step', () => {
  const steps: string[] = []
  const library = () => {
    steps.length = 0
    return {
      end: (how: string) => {
        steps.push(how)
        return `ended ${how}`
      },
      open: async (how: string) => {
        steps.push('opening')
        await Promise.resolve()
        if (how === 'badly') throw new Error('refused')
        return `opened ${how}`
      },
    }
  }

  it('comes before a call, and is taken off again', () => {
    const pool = library()
    const override = callBefore(pool, 'end', () => steps.push('before'))
    expect(pool.end('well')).toBe('ended well')
    expect(steps).toEqual(['before', 'well'])
    override.restore()
    pool.end('again')
    expect(steps).toEqual(['before', 'well', 'again'])
  })

  it('comes after a call that has returned, and after a promise that has resolved, not after one that rejects', async () => {
    const pool = library()
    for (const name of ['end', 'open']) callAfter(pool, name, () => steps.push('after'))
    expect(pool.end('well')).toBe('ended well')
    expect(await pool.open('well')).toBe('opened well')
    await expect(pool.open('badly')).rejects.toThrow('refused')
    expect(steps).toEqual(['well', 'after', 'opening', 'after', 'opening'])
  })
})
