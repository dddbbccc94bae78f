import { expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { type Project, runnerTestMillis } from '../project.ts'
import { type Runner, runners } from '../runners.ts'

/** A busy machine notices late that a file has changed, and starts workers slowly. */
const withinMillis = 30_000

const leaking = `${runners.vitest.header}
import { pool } from '../src/database.js'
test('borrows a client', async () => {
  const client = await pool.connect()
})
`
const fixed = leaking.replace('pool.connect()\n', 'pool.connect()\n  client.release()\n')

export function judgesRunsOfWatchMode(runner: Runner, project: Project): void {
  it(
    'judges each run as the first one',
    async () => {
      const database = project.read('src/database.js')
      project.write({
        'test/leak-check.js': runner.setUp('{ settleMillis: 30 }'),
        'test/one.test.js': leaking,
      })
      const watching = project.start([
        runner.command[0] ?? '',
        '--watch',
        '--root',
        '.',
        '--reporter=default',
      ])
      let seen = 0

      /** What the next run prints, from its first line to where it waits for changes. */
      async function nextRun(): Promise<string> {
        const end = await eventually(
          () => {
            const found = /(?:Waiting|Watching) for file changes/.exec(watching.output().slice(seen))
            if (found === null) throw new Error(`it does not come to an end: ${watching.output()}`)
            return seen + found.index + found[0].length
          },
          { withinMillis },
        )
        const text = watching.output().slice(seen, end)
        seen = end
        return text
      }

      const first = await nextRun()
      expect(first).toMatch(/LeakError: outlived-scope in pool main/)
      expect(first).toMatch(/test\/one\.test\.js:4:/)

      // The same leak on another line.
      project.write({ 'test/one.test.js': `\n${leaking}` })
      const second = await nextRun()
      expect(second).toMatch(/RERUN/)
      expect(second).toMatch(/LeakError: outlived-scope in pool main/)
      expect(second).toMatch(/test\/one\.test\.js:5:/)

      project.write({ 'test/one.test.js': fixed })
      const third = await nextRun()
      expect(third).toMatch(/Tests +1 passed/)
      expect(third).not.toMatch(/LeakError/)

      project.write({ 'test/one.test.js': leaking })
      expect(await nextRun()).toMatch(/test\/one\.test\.js:4:/)
      // With its module, pool and lifeguard are others.
      project.write({ 'src/database.js': `${database}\n` })
      expect(await nextRun()).toMatch(/test\/one\.test\.js:4:/)
    },
    runnerTestMillis + 5 * withinMillis,
  )
}
