import { describe, expect, it } from 'vitest'
import { Override } from '../../src/client/override.ts'

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

  it('stays under what somebody else has put over it', () => {
    const greeter = new Greeter()
    const override = new Override(greeter, 'greet', loudly)
    const { greet } = greeter
    greeter.greet = () => `${greet.call(greeter)}?`
    override.restore()
    expect(greeter.greet()).toBe('hello!?')
  })
})
