import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Project, type RunOutcome, runnerTestMillis } from '../project.ts'
import type { Runner, Verdict } from '../runners.ts'
import { caseFile, cases } from './cases.ts'

/** What every leak check must make of a test: all cases in one run of the runner. */
export function judgesTests(runner: Runner, project: Project): void {
  describe('a test under the leak check', () => {
    const { text, lineOf } = caseFile(runner)
    let outcome: RunOutcome
    let verdicts: ReadonlyMap<string, Verdict> = new Map()

    beforeAll(async () => {
      project.write({
        'test/leak-check.js': runner.setUp("{ settleMillis: 100, ignore: [{ origin: 'listenForever' }] }"),
        'test/cases.test.js': text,
      })
      outcome = await project.run(runner.machine('test/cases.test.js'))
      try {
        verdicts = runner.verdicts(project.read('verdicts.json'))
      } catch (error) {
        throw new Error(outcome.output, { cause: error })
      }
    }, runnerTestMillis)

    it('fails the run', () => {
      expect(outcome.code, outcome.output).toBeGreaterThan(0)
    })

    it.each(cases.filter((one) => one.for?.(runner) ?? true))('$name', ({ name, fails }) => {
      const { passed, message } = verdicts.get(name) ?? { passed: undefined, message: outcome.output }
      expect(passed, message).toBe(fails === undefined)
      if (fails === undefined || passed === undefined) return
      for (const part of fails) expect(message).toMatch(part)
      if (message.includes('LeakError')) {
        expect(message).toContain(`${join('test', 'cases.test.js')}:${lineOf(name)}:`)
      }
    })
  })
}
