import { expect, it } from 'vitest'
import { addDetour } from '../../src/register/prototypes.ts'

function makeClass() {
  return class Pool {
    connect(name: string, _done?: unknown) {
      return `${this.constructor.name} connects ${name}`
    }
  }
}

it('asks before each call of a method, in instances made before and in subclasses', () => {
  const Pool = makeClass()
  class Bound extends Pool {}
  const before = new Pool()
  const captured = before.connect
  const asked: object[] = []
  expect(addDetour(Pool, ['connect'], (instance) => void asked.push(instance))).toBe(true)
  const bound = new Bound()
  expect([before.connect('a'), bound.connect('b')]).toEqual(['Pool connects a', 'Bound connects b'])
  expect(asked).toEqual([before, bound])
  expect(captured.call(before, 'c')).toBe('Pool connects c')
  expect(asked).toHaveLength(2)
})

it('calls the method that it is given', () => {
  const Pool = makeClass()
  addDetour(Pool, ['connect'], (_instance, name, original) => {
    return function (this: object, ...args: unknown[]) {
      return `${name}: ${Reflect.apply(original, this, args)}`
    }
  })
  expect(new Pool().connect('a')).toBe('connect: Pool connects a')
})

it('leaves name, length and enumerability of the method as they were', () => {
  const Pool = makeClass()
  addDetour(Pool, ['connect'], () => undefined)
  const { name, length } = Pool.prototype.connect
  expect({ name, length }).toEqual({ name: 'connect', length: 2 })
  expect(Object.keys(Pool.prototype)).toEqual([])
})

it('is added once, and to nothing without the methods', () => {
  const Pool = makeClass()
  const asked: string[] = []
  addDetour(Pool, ['connect'], () => void asked.push('first'))
  expect(addDetour(Pool, ['connect'], () => void asked.push('second'))).toBe(true)
  new Pool().connect('a')
  expect(asked).toEqual(['first'])
  expect(addDetour(makeClass(), ['connect', 'query'], () => undefined)).toBe(false)
  expect(
    addDetour(
      () => {},
      ['connect'],
      () => undefined,
    ),
  ).toBe(false)
  expect(addDetour(undefined, ['connect'], () => undefined)).toBe(false)
})
