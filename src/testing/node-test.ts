import { createHook } from 'node:async_hooks'
import { after, beforeEach } from 'node:test'
import { isThenable } from '../core/thenable.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { type CheckedTest, createLeakCheck, type LeakCheckOptions } from './leak-check.ts'
import { LeakCheckError } from './leak-error.ts'

export type { LeakCheckOptions } from './leak-check.ts'
export type { UnendedPools } from './unended-pools.ts'

/** The parts of a test's `t` that are used. */
interface TestContext {
  readonly name: string
  readonly fullName?: string
  readonly filePath?: string
  after(hook: () => Promise<void>): void
}

type Anything = (...args: unknown[]) => unknown

/** The object of each test, suite and hook, in whose async context Node.js calls its functions. */
interface Runnable {
  readonly hookType?: unknown
  readonly parentTest?: unknown
  runInAsyncScope(...args: unknown[]): unknown
}

const installed = Symbol.for('pg-lifeguard.leak-check.node-test')

/**
 * Fails each test that leaves a session, a transaction or a dirty client behind. Call it in a module that is loaded
 * before the tests.
 *
 * @throws LeakCheckError if the lifeguard cannot see the pools; OptionError
 *
 * @example
 * // node --import ./test/leak-check.js --test
 * import { leakCheck } from 'pg-lifeguard/node-test'
 * import { lifeguard } from '../src/database.js'
 *
 * leakCheck(lifeguard)
 */
export function leakCheck(lifeguard: Lifeguard, options: LeakCheckOptions = {}): void {
  const check = createLeakCheck(lifeguard, options, {
    name: 'node:test',
    showsFrames: false,
    waitsForExit: true,
  })
  if (onlyStartsOthers()) return
  if (Reflect.has(globalThis, installed)) {
    throw new LeakCheckError(
      'leakCheck(lifeguard) of node:test was called twice: call it in one module, loaded once',
    )
  }
  Reflect.set(globalThis, installed, true)
  const attempts = new WeakMap<object, CheckedTest>()
  const eachHook = hookMadeBy(() => {
    beforeEach((context) => {
      const { name, fullName, filePath } = context as unknown as TestContext
      attempts.set(context, check.begin({ name: fullName ?? name, file: filePath ?? process.argv[1] }))
    })
  })
  runInScopes(prototypeOf(eachHook), attempts)
  const lastHook = hookMadeBy(() => {
    after((context) => {
      // Registered inside a hook, it runs last: others may still release clients. Without its parent, Node.js would not
      // report its failure.
      const { after: afterAll } = context as unknown as TestContext
      Reflect.apply(afterAll, context, [finishFile, { parent: lastHook.parentTest }])
    })
  })

  async function finishFile(): Promise<void> {
    const error = await check.finishFile()
    if (error === undefined) return
    process.exitCode = 1
    throw error
  }
}

/** With `--test`, modules are also loaded into the process that only starts those that run tests. */
function onlyStartsOthers(): boolean {
  const { execArgv, env } = process
  const isIsolated = !execArgv.some((arg) => /^--(experimental-)?test-isolation=none$/.test(arg))
  return execArgv.includes('--test') && env.NODE_TEST_CONTEXT === undefined && isIsolated
}

/** The object behind a hook, captured during its registration: an async resource whose class is not exported. */
function hookMadeBy(register: () => void): Runnable {
  let found: object | undefined
  const hook = createHook({
    init(_id, _type, _trigger, resource) {
      if (Reflect.has(resource, 'runInAsyncScope')) found ??= resource
    },
  }).enable()
  register()
  hook.disable()
  if (found === undefined) throw unknownVersion()
  return found as Runnable
}

/**
 * The prototype of tests. A context that is entered in a hook does not reach the test, because each test is an
 * AsyncResource whose function and hooks are called through `runInAsyncScope`: overriding this is the only way.
 */
function prototypeOf(hook: Runnable): Runnable {
  for (let at: object | null = hook; at !== null; at = Reflect.getPrototypeOf(at)) {
    const parent = Reflect.getPrototypeOf(at)
    if (parent !== null && Object.hasOwn(parent, 'runInAsyncScope')) return at as Runnable
  }
  throw unknownVersion()
}

function unknownVersion(): LeakCheckError {
  return new LeakCheckError(`leakCheck(lifeguard) does not support node:test of Node.js ${process.version}`)
}

function runInScopes(prototype: Runnable, attempts: WeakMap<object, CheckedTest>): void {
  const { runInAsyncScope } = prototype

  prototype.runInAsyncScope = function (work, context, ...args) {
    // Hooks of a test are called with the context of the test as `this`.
    const isKnown = typeof context === 'object' && context !== null && typeof work === 'function'
    const attempt = isKnown ? attempts.get(context) : undefined
    if (attempt === undefined) return Reflect.apply(runInAsyncScope, this, [work, context, ...args])
    const call = work as Anything
    const isBody = typeof this.hookType !== 'string'
    const inside: Anything = (...given) =>
      attempt.run(() =>
        isBody ? callBody(call, context as TestContext, given, attempt) : Reflect.apply(call, context, given),
      )
    return Reflect.apply(runInAsyncScope, this, [inside, context, ...args])
  }
}

/** Registers the verdict as the last of the test's hooks: those that the body registers may still release clients. */
function callBody(body: Anything, context: TestContext, args: unknown[], attempt: CheckedTest): unknown {
  const over = (verdict: 'passed' | 'failed') =>
    context.after(async () => {
      const error = await attempt.finish(verdict)
      if (error !== undefined) throw error
    })
  const [first, done, ...rest] = args
  if (typeof done === 'function') {
    const doneAndOver = (error?: unknown) => {
      over(error ? 'failed' : 'passed')
      return Reflect.apply(done, undefined, [error])
    }
    return Reflect.apply(body, context, [first, doneAndOver, ...rest])
  }
  let result: unknown
  try {
    result = Reflect.apply(body, context, args)
  } catch (error) {
    over('failed')
    throw error
  }
  if (!isThenable(result)) {
    over('passed')
    return result
  }
  return settleBody(result, over)
}

async function settleBody(
  result: PromiseLike<unknown>,
  over: (verdict: 'passed' | 'failed') => void,
): Promise<unknown> {
  try {
    const value = await result
    over('passed')
    return value
  } catch (error) {
    over('failed')
    throw error
  }
}
