import { describe, expect, it } from 'vitest'
import { openBaseline } from '../../src/testing/baseline.ts'
import { LeakCheckError } from '../../src/testing/verify.ts'
import { useDatabase } from '../support/database.ts'
import { runnerTestMillis, useProject } from './project.ts'
import { runners } from './runners.ts'

const db = useDatabase()

const released = '\n  client.release()'
const test = (name: string, end: string) => `test('${name}', async () => {
  const client = await pool.connect()
  await client.query('SELECT 1')${end}
})
`

describe.each(Object.entries(runners))('the baseline of %s', (_name, runner) => {
  const project = useProject(runner, db)

  function run(tests: string, env: Record<string, string> = {}) {
    project.write({
      'test/leak-check.js': runner.setUp("{ settleMillis: 30, baseline: 'leaks.json' }"),
      'test/one.test.js': `${runner.header}
import { pool } from '../src/database.js'
afterAll(() => pool.end())
${tests}`,
    })
    return project.run(runner.human('test/one.test.js'), env)
  }

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
      expect(fixed.output).toMatch(/leaks\.json lists for this test what no longer leaks/)

      const shrunk = await run(test('old', released), { LIFEGUARD_BASELINE: 'write' })
      expect(shrunk.code, shrunk.output).toBe(0)
      expect(JSON.parse(project.read('leaks.json'))).toEqual({ leaks: [] })
      const clean = await run(test('old', released))
      expect(clean.code, clean.output).toBe(0)
    },
    3 * runnerTestMillis,
  )
})

describe('a baseline', () => {
  const project = useProject(Object.values(runners)[0] as never, db)

  it.each([
    ['no JSON', /cannot be understood/],
    ['[]', /it has no list "leaks"/],
    ['{ "leaks": [{ "test": "a", "kind": "b" }] }', /a leak has no text "origin"/],
  ])('is refused where it is broken: %s', (text, message) => {
    project.write({ 'broken.json': text })
    const open = () => openBaseline(`${project.folder}/broken.json`, {})
    expect(open).toThrow(LeakCheckError)
    expect(open).toThrow(message)
  })

  it('is refused with a variable that means nothing', () => {
    expect(() => openBaseline('leaks.json', { LIFEGUARD_BASELINE: 'yes' })).toThrow(
      /must be 'write' or not be set/,
    )
  })
})
