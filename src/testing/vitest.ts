import * as vitest from 'vitest'
import type { Lifeguard } from '../lifeguard.ts'
import { type CheckedTest, createLeakCheck, type LeakCheck, type LeakCheckOptions } from './leak-check.ts'
import { LeakCheckError } from './leak-error.ts'

export type { LeakCheckOptions } from './leak-check.ts'
export type { UnendedPools } from './unended-pools.ts'

/** The parts of a test or suite of Vitest that are used. */
interface Task {
  readonly type: string
  readonly name: string
  readonly suite?: Task | undefined
  readonly file?: { readonly filepath?: string } | undefined
  readonly result?: { readonly state?: string } | undefined
  readonly tasks?: readonly Task[]
}

type AroundAll = (hook: (runSuite: () => Promise<void>) => Promise<void>) => void
type AroundEach = (hook: (runTest: () => Promise<void>, context: { task: Task }) => Promise<void>) => void

/**
 * Fails each test that leaves a session, a transaction or a dirty client behind. Call it in a setup file of Vitest 3 or
 * later.
 *
 * @throws LeakCheckError if the lifeguard cannot see the pools; OptionError
 *
 * @example
 * // test/leak-check.ts, in vitest.config.ts: test: { setupFiles: ['test/leak-check.ts'] }
 * import { leakCheck } from 'pg-lifeguard/vitest'
 * import { lifeguard } from '../src/database.ts'
 *
 * leakCheck(lifeguard)
 */
export function leakCheck(lifeguard: Lifeguard, options: LeakCheckOptions = {}): void {
  const check = createLeakCheck(lifeguard, options, {
    name: 'Vitest',
    showsFrames: true,
    waitsForExit: false,
  })
  const finishFile = async () => {
    const error = await check.finishFile()
    if (error !== undefined) throw error
  }
  const { aroundAll, aroundEach } = vitest as { aroundAll?: AroundAll; aroundEach?: AroundEach }
  if (aroundAll === undefined || aroundEach === undefined) {
    // Registered first, so that it runs after all other hooks of the file.
    vitest.afterAll(finishFile)
    wrapTests(check)
    return
  }
  aroundAll(async (runSuite) => {
    await runSuite()
    await finishFile()
  })
  aroundEach(async (runTest, { task }) => {
    const test = check.begin(identity(task))
    await test.run(runTest)
    const error = await test.finish(verdictOf(task))
    if (error !== undefined) throw error
  })
}

function identity(task: Task) {
  return { name: fullName(task), file: task.file?.filepath }
}

function fullName(task: Task): string {
  const names: string[] = []
  for (let at: Task | undefined = task; at !== undefined; at = at.suite) {
    if (at.name !== '') names.unshift(at.name)
  }
  return names.join(' > ')
}

function verdictOf(task: Task): 'passed' | 'failed' {
  return task.result?.state === 'fail' ? 'failed' : 'passed'
}

type Anything = (...args: unknown[]) => unknown

/**
 * Vitest before 4.1 has no `aroundEach`, and a context entered in `beforeEach` has ended when the body runs. So each
 * body and hook is replaced by one that runs in the scope, when all of them are known: before the first test.
 */
function wrapTests(check: LeakCheck): void {
  const attempts = new WeakMap<object, CheckedTest>()
  const inScope = (task: object, work: () => unknown) => {
    const attempt = attempts.get(task)
    return attempt === undefined ? work() : attempt.run(work)
  }
  vitest.beforeAll(async (suite: unknown) => {
    if (suite === undefined) throw new LeakCheckError('leakCheck(lifeguard) needs Vitest 3 or later')
    const { getFn, getHooks, setFn } = await import('vitest/suite')
    wrap(suite as Task)

    function wrap(task: Task): void {
      if (task.type === 'test') {
        const body = getFn(task as never) as Anything
        setFn(task as never, (() => inScope(task, body)) as never)
        return
      }
      const hooks = getHooks(task as never) as unknown as Record<string, Anything[]>
      for (const list of [hooks.beforeEach, hooks.afterEach]) {
        list?.forEach((hook, index) => {
          list[index] = (...args) => inScope((args[0] as { task: object }).task, () => hook(...args))
        })
      }
      for (const child of task.tasks ?? []) wrap(child)
    }
  })
  vitest.beforeEach(({ task, onTestFinished }) => {
    const attempt = check.begin(identity(task))
    attempts.set(task, attempt)
    // Runs after the test's hooks, their clean-ups and its fixtures.
    onTestFinished(async () => {
      const error = await attempt.finish(verdictOf(task))
      if (error !== undefined) throw error
    })
  })
}
