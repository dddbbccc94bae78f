import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { captureStack, originOf, setStackDepth } from '../../../src/core/origin/origin.ts'

describe('captureStack', () => {
  const { prepareStackTrace, stackTraceLimit } = Error
  afterEach(() => {
    Error.prepareStackTrace = prepareStackTrace
    Error.stackTraceLimit = stackTraceLimit
  })

  it('records the line of its caller, in the source that the user wrote', () => {
    const captured = captureStack()
    const origin = originOf(captured)
    expect(origin?.file).toBe(fileURLToPath(import.meta.url))
    expect(origin?.line).toBe(lineOf(new Error('here')) - 3)
  })

  it('follows the callers through await', async () => {
    async function acquire() {
      await Promise.resolve()
      return originOf(captureStack())
    }
    async function loadUser() {
      return await acquire()
    }
    const frames = (await loadUser())?.frames.map(({ functionName }) => functionName)
    expect(frames?.slice(0, 2)).toEqual(['acquire', 'loadUser'])
  })

  it('finds the user below more frames than Node.js shows', () => {
    Error.stackTraceLimit = 10
    const nested = (depth: number): ReturnType<typeof originOf> =>
      depth === 0 ? originOf(captureStack()) : nested(depth - 1)
    const stack = String(captured(() => nested(25)).stack)
    expect(stack.split('\n').filter((line) => line.includes('nested')).length).toBeGreaterThan(20)
  })

  it.each([0, 5, 10, 1000, Number.POSITIVE_INFINITY])('leaves Error.stackTraceLimit at %d', (limit) => {
    Error.stackTraceLimit = limit
    captureStack()
    setStackDepth(setStackDepth(3))
    expect(Error.stackTraceLimit).toBe(limit)
  })

  it('works where Error.stackTraceLimit is switched off', () => {
    Error.stackTraceLimit = 0
    expect(originOf(captureStack())?.file).toBe(fileURLToPath(import.meta.url))
  })

  it('is not formatted before somebody asks', () => {
    let formatted = 0
    Error.prepareStackTrace = () => {
      formatted += 1
      return 'Error\n    at load (/app/a.js:1:2)'
    }
    const stack = captureStack()
    expect(formatted).toBe(0)
    expect(originOf(stack)?.file).toBe('/app/a.js')
    expect(formatted).toBe(1)
  })

  it('reads the call sites that Error.prepareStackTrace of the user returns', () => {
    Error.prepareStackTrace = (_error, sites) => sites
    expect(originOf(captureStack())?.file).toBe(fileURLToPath(import.meta.url))
  })

  it.each([
    ['undefined', () => undefined],
    ['null', () => null],
    ['a number', () => 42],
    ['an object', () => ({ frames: [] })],
    ['an object without a prototype', () => Object.create(null)],
    ['an empty array', () => []],
    ['an array of nothing', () => [undefined, null]],
    ['an array of symbols', () => [Symbol('site')]],
    ['a text that is no stack', () => 'no stack'],
  ])('has no origin, and no error, where Error.prepareStackTrace returns %s', (_what, prepare) => {
    Error.prepareStackTrace = prepare
    expect(originOf(captureStack())).toBeUndefined()
  })

  it('has no origin, and no error, where Error.prepareStackTrace throws', () => {
    Error.prepareStackTrace = () => {
      throw new Error('broken source maps')
    }
    expect(originOf(captureStack())).toBeUndefined()
  })

  it('keeps no more frames than it was asked for', () => {
    const nested = (depth: number): string => (depth === 0 ? String(new Error().stack) : nested(depth - 1))
    const before = setStackDepth(4)
    const stack = nested(30)
    setStackDepth(before)
    expect(stack.split('\n')).toHaveLength(5)
  })

  function captured(work: () => unknown): { stack?: unknown } {
    let seen: unknown
    Error.prepareStackTrace = (_error, sites) => {
      seen = sites.map((site) => `    at ${site}`).join('\n')
      return seen
    }
    work()
    return { stack: seen }
  }
})

function lineOf(error: Error): number {
  return Number(/origin\.capture\.test\.ts:(\d+):/.exec(String(error.stack))?.[1])
}
