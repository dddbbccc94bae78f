import type { Lifeguard } from '../lifeguard.ts'
import { type CheckedTest, createLeakCheck, type LeakCheck, type LeakCheckOptions } from './leak-check.ts'
import { LeakCheckError } from './leak-error.ts'

export type { LeakCheckOptions } from './leak-check.ts'
export type { UnendedPools } from './unended-pools.ts'

type Anything = (this: unknown, ...args: unknown[]) => unknown

/** The parts of a test, a hook and a describe block of jest-circus that are used. */
interface CircusTest {
  readonly type: 'test'
  readonly name: string
  readonly parent: CircusBlock
  readonly errors: unknown[]
  readonly concurrent?: boolean
  fn?: Anything
}
interface CircusHook {
  readonly type: string
  fn: Anything
}
interface CircusBlock {
  readonly type: 'describeBlock'
  readonly name: string
  readonly parent?: CircusBlock
  readonly hooks: CircusHook[]
  readonly children: readonly (CircusBlock | CircusTest)[]
}
interface CircusState {
  readonly rootDescribeBlock: CircusBlock
  readonly unhandledErrors: unknown[]
  readonly currentlyRunningTest?: CircusTest | null
}
interface CircusEvent {
  readonly name: string
  readonly test?: CircusTest
}
type CircusHandler = (event: CircusEvent, state: CircusState) => Promise<void> | void

type Hooks = Record<'afterAll' | 'afterEach' | 'beforeAll' | 'beforeEach', (hook: () => unknown) => void>

/** jest-circus keeps the listeners for the steps of a run under this key. */
const handlersSymbol = Symbol.for('EVENT_HANDLERS')
const installed = Symbol.for('pg-lifeguard.leak-check.jest')

/**
 * Fails each test that leaves a session, a transaction or a dirty client behind. Call it in a module that Jest loads
 * before each test file.
 *
 * @throws LeakCheckError if the lifeguard cannot see the pools; OptionError
 *
 * @example
 * // test/leak-check.js, in jest.config.js: setupFilesAfterEnv: ['./test/leak-check.js']
 * import { leakCheck } from 'pg-lifeguard/jest'
 * import { lifeguard } from '../src/database.js'
 *
 * leakCheck(lifeguard)
 */
export function leakCheck(lifeguard: Lifeguard, options: LeakCheckOptions = {}): void {
  const check = createLeakCheck(lifeguard, options, {
    name: 'Jest',
    showsFrames: true,
    waitsForExit: true,
  })
  if (Reflect.has(globalThis, installed)) {
    throw new LeakCheckError(
      'leakCheck(lifeguard) of Jest was called twice: call it only once, in setupFilesAfterEnv',
    )
  }
  Reflect.set(globalThis, installed, true)
  const handlers: unknown = Reflect.get(globalThis, handlersSymbol)
  const hasHandlers = Array.isArray(handlers)
  const tests = testsInScopes(check, hasHandlers)
  // Before Jest's own handlers, which report a test as soon as it has finished.
  if (hasHandlers) handlers.unshift(verifyingHandler(check, tests))
  else verifyByHooks(check, tests)
}

/** The tests of a file, each in its own scope. */
interface TestsInScopes {
  running: CircusTest | undefined
  wrap(block: CircusBlock): void
  /** Ends a test, after its hooks. Returns the error that it fails with. */
  verify(test: CircusTest): Promise<Error | undefined>
}

function testsInScopes(check: LeakCheck, hasHandlers: boolean): TestsInScopes {
  const attempts = new WeakMap<CircusTest, CheckedTest>()

  /** The current attempt at a test. Jest may start a concurrent test long before announcing it. */
  function attemptOf(test: CircusTest): CheckedTest {
    const known = attempts.get(test)
    if (known !== undefined) return known
    const attempt = check.begin({ name: fullName(test), file: testPath() })
    attempts.set(test, attempt)
    return attempt
  }

  /** Jest before 30 starts all concurrent tests first, and awaits each in its turn. */
  async function verified(test: CircusTest, result: unknown): Promise<unknown> {
    const attempt = attempts.get(test)
    attempts.delete(test)
    let value: unknown
    try {
      value = await result
    } catch (error) {
      await attempt?.finish('failed')
      throw error
    }
    const error = await attempt?.finish('passed')
    if (error !== undefined) throw error
    return value
  }

  const tests: TestsInScopes = {
    running: undefined,
    wrap(block) {
      for (const hook of block.hooks) {
        if (hook.type !== 'beforeEach' && hook.type !== 'afterEach') continue
        const { fn } = hook
        hook.fn = likeness(fn, function (...args) {
          const work = () => Reflect.apply(fn, this, args)
          return tests.running === undefined ? work() : attemptOf(tests.running).run(work)
        })
      }
      for (const child of block.children) {
        if (child.type === 'describeBlock') tests.wrap(child)
        else if (child.fn !== undefined) {
          const { fn } = child
          child.fn = likeness(fn, function (...args) {
            const result = attemptOf(child).run(() => Reflect.apply(fn, this, args))
            return child.concurrent === true && !hasHandlers ? verified(child, result) : result
          })
        }
      }
    },
    async verify(test) {
      // In Jest before 30 a concurrent test has its verdict already. Any other unknown test ran outside the check.
      const isJudged = test.concurrent === true && !hasHandlers
      const attempt = isJudged ? attempts.get(test) : attemptOf(test)
      attempts.delete(test)
      return attempt?.finish(test.errors.length > 0 ? 'failed' : 'passed')
    },
  }
  return tests
}

function verifyingHandler(check: LeakCheck, tests: TestsInScopes): CircusHandler {
  return async ({ name, test }, { rootDescribeBlock, unhandledErrors }) => {
    if (name === 'run_start') tests.wrap(rootDescribeBlock)
    if (name === 'test_start') tests.running = test
    if (name === 'test_skip' || name === 'test_todo' || name === 'test_done') tests.running = undefined
    if (name === 'test_done' && test !== undefined) {
      const error = await tests.verify(test)
      if (error !== undefined) test.errors.push(error)
    }
    if (name !== 'run_finish') return
    const error = await check.finishFile()
    if (error !== undefined) unhandledErrors.push(error)
  }
}

/** Jest before 30 does not expose its listeners. */
function verifyByHooks(check: LeakCheck, tests: TestsInScopes): void {
  const state = stateOfCircus()
  const { afterAll, afterEach, beforeAll, beforeEach } = globalThis as unknown as Hooks
  beforeAll(() => tests.wrap(state.rootDescribeBlock))
  beforeEach(() => {
    tests.running = state.currentlyRunningTest ?? undefined
  })
  afterEach(async () => {
    const test = tests.running
    tests.running = undefined
    const error = test === undefined ? undefined : await tests.verify(test)
    if (error !== undefined) throw error
  })
  afterAll(async () => {
    const error = await check.finishFile()
    if (error !== undefined) throw error
  })
  keepLast(state.rootDescribeBlock.hooks, 2)
}

/** Keeps our hooks last: later hooks of the file may still release clients. */
function keepLast(hooks: CircusHook[], count: number): void {
  const own = hooks.splice(-count)
  const { push } = Array.prototype
  hooks.push = (...added) => {
    hooks.splice(-count)
    return Reflect.apply(push, hooks, [...added, ...own])
  }
  Reflect.apply(push, hooks, own)
}

function stateOfCircus(): CircusState {
  for (const symbol of Object.getOwnPropertySymbols(globalThis)) {
    if (symbol.description === 'JEST_STATE_SYMBOL') return Reflect.get(globalThis, symbol) as CircusState
  }
  throw new LeakCheckError(
    'leakCheck(lifeguard) of Jest needs jest-circus, and must be called in setupFilesAfterEnv',
  )
}

/** Gives a replacement as many parameters as the original: Jest passes `done` to functions that declare one. */
function likeness(original: Anything, replacement: Anything): Anything {
  Object.defineProperty(replacement, 'length', { value: original.length })
  return replacement
}

function fullName(test: CircusTest): string {
  const names = [test.name]
  // The outermost block is Jest's own.
  for (let block = test.parent; block.parent !== undefined; block = block.parent) names.unshift(block.name)
  return names.join(' > ')
}

function testPath(): string | undefined {
  const { expect } = globalThis as { expect?: { getState?(): { testPath?: string } } }
  return expect?.getState?.().testPath
}
