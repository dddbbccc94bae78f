import { describe, expect, it } from 'vitest'
import { type Project, runnerTestMillis } from '../project.ts'
import type { Runner } from '../runners.ts'

const released = '\n  client.release()'
const test = (name: string, end: string) => `test('${name}', async () => {
const client = await pool.connect()
await client.query('SELECT 1')${end}
})
`

function runWith(runner: Runner, project: Project) {
  return (tests: string, env: Record<string, string> = {}) => {
    project.write({
      'test/leak-check.js': runner.setUp("{ settleMillis: 30, baseline: 'leaks.json' }"),
      'test/one.test.js': `${runner.header}
import { pool } from '../src/database.js'
afterAll(() => pool.end())
${tests}`,
    })
    return project.run(runner.human('test/one.test.js'), env)
  }
}

/** The shortest way through a baseline. */
export function keepsBaseline(runner: Runner, project: Project): void {
  const run = runWith(runner, project)

  it(
    'lets the leaks of its baseline pass, and no others',
    async () => {
      const written = await run(test('old', ''), { LIFEGUARD_BASELINE: 'write' })
      expect(written.code, written.output).toBe(0)
      const known = await run(test('old', ''))
      expect(known.code, known.output).toBe(0)
      const grown = await run(test('old', '') + test('new', ''))
      expect(grown.code, grown.output).toBeGreaterThan(0)
      expect(grown.output).toMatch(/outlived-scope in pool main/)
    },
    3 * runnerTestMillis,
  )
}

/** A baseline from its first day to its last. */
export function keepsBaselineInDetail(runner: Runner, project: Project): void {
  const run = runWith(runner, project)

  describe('a baseline', () => {
    it(
      'lets known leaks pass, and neither new ones nor those that are fixed',
      async () => {
        const missing = await run(test('old', ''))
        expect(missing.output).toMatch(/leaks\.json does not exist: write it with LIFEGUARD_BASELINE=write/)
        expect(missing.code).toBeGreaterThan(0)

        const written = await run(test('old', '') + test('clean', released), { LIFEGUARD_BASELINE: 'write' })
        expect(written.code, written.output).toBe(0)
        expect(JSON.parse(project.read('leaks.json'))).toEqual({
          leaks: [
            {
              test: 'test/one.test.js > old',
              kind: 'outlived-scope',
              origin: expect.stringMatching(/^test\/one\.test\.js/),
            },
          ],
        })

        // Lines above it do not matter.
        const known = await run(`// one\n// two\n${test('old', '')}${test('clean', released)}`)
        expect(known.code, known.output).toBe(0)

        const grown = await run(test('old', '') + test('clean', ''))
        expect(grown.code, grown.output).toBeGreaterThan(0)
        expect(grown.output).toMatch(/outlived-scope in pool main/)

        const fixed = await run(test('old', released))
        expect(fixed.code, fixed.output).toBeGreaterThan(0)
        expect(fixed.output).toMatch(/leaks\.json lists leaks of this test that no longer occur/)

        const shrunk = await run(test('old', released), { LIFEGUARD_BASELINE: 'write' })
        expect(shrunk.code, shrunk.output).toBe(0)
        expect(JSON.parse(project.read('leaks.json'))).toEqual({ leaks: [] })
        const clean = await run(test('old', released))
        expect(clean.code, clean.output).toBe(0)
      },
      3 * runnerTestMillis,
    )
  })
}
