import { AsyncResource } from 'node:async_hooks'
import type { Lifeguard } from '../lifeguard.ts'
import { type CheckedTest, createLeakCheck, type LeakCheck, type LeakCheckOptions } from './leak-check.ts'
import { LeakCheckError } from './leak-error.ts'

export type { LeakCheckOptions } from './leak-check.ts'
export type { UnendedPools } from './unended-pools.ts'

type Run = (this: Runnable, done: (error?: unknown) => unknown) => unknown

/** The parts of a test or hook of Mocha that are used. */
interface Runnable {
  readonly type: string
  readonly title: string
  readonly file?: string
  readonly parent?: Suite
  readonly state?: string
  readonly ctx?: { readonly currentTest?: Runnable }
  titlePath(): string[]
  emit(event: string, error: Error): unknown
  run: Run
}

interface Suite {
  readonly parent?: Suite
  /** Mocha's accessor to its lists of hooks, by names such as `afterEach`. */
  getHooks(name: string): Runnable[]
}

interface HookContext {
  readonly test: Runnable
  readonly currentTest?: Runnable
}

/** Root hooks for a module that Mocha loads before the tests. */
export interface MochaRootHooks {
  beforeAll(this: unknown): void
  afterEach(this: unknown): Promise<void>
  afterAll(this: unknown): Promise<void>
}

const wrapped = Symbol.for('pg-lifeguard.leak-check.mocha')

/**
 * Fails each test that leaves a session, a transaction or a dirty client behind. Returns root hooks, for a module that
 * Mocha loads before the tests.
 *
 * @throws LeakCheckError if the lifeguard cannot see the pools; OptionError
 *
 * @example
 * // test/leak-check.js, in .mocharc.json: "require": ["./test/leak-check.js"]
 * import { leakCheck } from 'pg-lifeguard/mocha'
 * import { lifeguard } from '../src/database.js'
 *
 * export const mochaHooks = leakCheck(lifeguard)
 */
export function leakCheck(lifeguard: Lifeguard, options: LeakCheckOptions = {}): MochaRootHooks {
  const check = createLeakCheck(lifeguard, options, {
    name: 'Mocha',
    showsFrames: false,
    waitsForExit: true,
  })
  const attempts = new WeakMap<Runnable, CheckedTest>()
  // For Mocha, a retry is another test with the same title.
  const judged = new WeakSet<Runnable>()
  return {
    beforeAll() {
      const { test } = this as HookContext
      runInScopes(test, check, attempts, judged)
      if (test.parent !== undefined) putLast(test.parent)
    },
    async afterEach() {
      const { currentTest } = this as HookContext
      const attempt = currentTest === undefined ? undefined : attempts.get(currentTest)
      if (currentTest === undefined || attempt === undefined || judged.has(currentTest)) return
      judged.add(currentTest)
      const error = await attempt.finish(currentTest.state === 'failed' ? 'failed' : 'passed')
      // If this hook threw the error, Mocha would run no further test.
      if (error !== undefined) currentTest.emit('error', error)
    },
    async afterAll() {
      const error = await check.finishFile()
      if (error !== undefined) throw error
    },
  }
}

/** Moves our root hook to the end: other hooks after a test may still release clients. */
function putLast(root: Suite): void {
  for (const name of ['afterEach', 'afterAll']) {
    const hooks = root.getHooks(name)
    const own = hooks.shift()
    if (own !== undefined) hooks.push(own)
  }
}

/**
 * Mocha calls tests and hooks through `run` of their common prototype. The callback to the runner must leave the test's
 * scope.
 */
function runInScopes(
  hook: Runnable,
  check: LeakCheck,
  attempts: WeakMap<Runnable, CheckedTest>,
  judged: WeakSet<Runnable>,
): void {
  let prototype: object | null = hook
  while (prototype !== null && !Object.hasOwn(prototype, 'run')) prototype = Reflect.getPrototypeOf(prototype)
  if (prototype === null)
    throw new LeakCheckError('leakCheck(lifeguard) does not support this version of Mocha')
  const runnable = prototype as Runnable
  // In watch mode, Mocha loads this module again, with another check.
  const run = (Reflect.get(runnable, wrapped) as Run | undefined) ?? runnable.run
  Reflect.set(runnable, wrapped, run)

  runnable.run = function (done) {
    const test = this.type === 'test' ? this : testOf(this)
    if (test === undefined || judged.has(test)) return Reflect.apply(run, this, [done])
    let attempt = attempts.get(test)
    if (attempt === undefined) {
      attempt = check.begin({ name: test.titlePath().join(' > '), file: test.file })
      attempts.set(test, attempt)
    }
    const outside = AsyncResource.bind(done)
    const { run: inScope, finish } = attempt
    const over = async (error?: unknown) => {
      // A test that fails after it was reported as passed would be counted twice. So the verdict comes first if no
      // further hook can release anything.
      const isLast = this.type === 'test' && error === undefined && !hasHooksAfter(test)
      if (isLast) judged.add(test)
      outside(isLast ? await finish('passed') : error)
    }
    return inScope(() => Reflect.apply(run, this, [(error?: unknown) => void over(error)]))
  }
}

/** The test that a hook runs for. */
function testOf({ title, ctx }: Runnable): Runnable | undefined {
  return /^"(before|after) each" hook/.test(title) ? ctx?.currentTest : undefined
}

/** Whether other hooks run after the test. */
function hasHooksAfter({ parent }: Runnable): boolean {
  let hooks = 0
  for (let suite = parent; suite !== undefined; suite = suite.parent)
    hooks += suite.getHooks('afterEach').length
  return hooks > 1
}
