import { beforeAll, describe, expect, it } from 'vitest'
import { type Project, runnerTestMillis } from '../project.ts'
import type { Runner, Verdict } from '../runners.ts'

const leak = 'const client = await pool.connect(); await client.query("SELECT 1")'

/** What only some runners have. A test whose name begins with `leaks` is to fail with a LeakError, any other to pass. */
const files: Readonly<Record<Runner['entry'], string>> = {
  vitest: `
let attempts = 0
test('passes at its second attempt, the first one having leaked', { retry: 1 }, async () => {
  attempts += 1
  if (attempts === 1) { ${leak} }
})
test('leaks at every attempt', { retry: 1 }, async () => { ${leak} })
test.each(['leaks in the first row', 'does not in the second'])('%s', async (name) => {
  if (name.startsWith('leaks')) { ${leak} }
})
const extended = test.extend({
  client: async ({}, use) => {
    const client = await pool.connect()
    await use(client)
    client.release()
  },
  lost: async ({}, use) => {
    const client = await pool.connect()
    await use(client)
  },
})
extended('has a fixture that releases', ({ client }) => client.query('SELECT 1'))
extended('leaks by a fixture that does not', ({ lost }) => lost.query('SELECT 1'))
test('is cleaned up when it is finished', async ({ onTestFinished }) => {
  const client = await pool.connect()
  onTestFinished(() => client.release())
})
test('is skipped while it runs', async ({ skip }) => {
  const client = await pool.connect()
  client.release()
  skip()
})
describe('hooks that return a clean-up', () => {
  beforeEach(async () => {
    const client = await pool.connect()
    return () => client.release()
  })
  test('pass', async () => {})
})
test('has fake timers', async () => {
  vi.useFakeTimers()
  const client = await pool.connect()
  client.release()
})
test('leaks under fake timers', async () => { ${leak} })
test('gives them back', () => { vi.useRealTimers() })
`,
  jest: `
test('takes done', (done) => {
  pool.connect().then((client) => { client.release(); done() })
})
test('leaks, and takes done', (done) => {
  pool.connect().then(() => done())
})
test.each(['leaks in the first row', 'does not in the second'])('%s', async (name) => {
  if (name.startsWith('leaks')) { ${leak} }
})
test.skip('is skipped', async () => { ${leak} })
test.todo('is still to do')
describe('a hook that takes done', () => {
  beforeEach((done) => {
    pool.query('SELECT 1').then(() => done())
  })
  test('passes', async () => {})
})
`,
  'node-test': `
test('has subtests', async (t) => {
  await t.test('leaks in a subtest', async () => { ${leak} })
  await t.test('does not in the next one', async () => {
    const client = await pool.connect()
    client.release()
  })
})
test('is cleaned up after it', async (t) => {
  const client = await pool.connect()
  t.after(() => client.release())
})
test('takes done', (t, done) => {
  pool.connect().then((client) => { client.release(); done() })
})
test('leaks, and takes done', (t, done) => {
  pool.connect().then(() => done())
})
test('is synchronous', () => {})
test('leaks although it is synchronous', () => { void pool.connect() })
test('is skipped', { skip: true }, async () => { ${leak} })
test('skips itself', async (t) => { t.skip() })
`,
  mocha: `
test('takes done', (done) => {
  pool.connect().then((client) => { client.release(); done() })
})
test('leaks, and takes done', (done) => {
  pool.connect().then(() => done())
})
let attempts = 0
test('passes at its second attempt, the first one having leaked', async () => {
  attempts += 1
  if (attempts === 1) { ${leak} }
}).retries(1)
test('skips itself', function () { this.skip() })
test.skip('is skipped', async () => { ${leak} })
`,
}

/** Subtests, retries, hooks with `done`, and what else only some runners have. */
export function knowsConventions(runner: Runner, project: Project): void {
  describe('what only this runner has', () => {
    let verdicts: ReadonlyMap<string, Verdict> = new Map()

    beforeAll(async () => {
      const more = runner.entry === 'vitest' ? "import { vi } from 'vitest'" : ''
      project.write({
        'test/leak-check.js': runner.setUp('{ settleMillis: 30 }'),
        'test/conventions.test.js': `${runner.header}
${more}
import { pool } from '../src/database.js'
afterAll(() => pool.end())
${files[runner.entry]}`,
      })
      const { output } = await project.run(runner.machine('test/conventions.test.js'))
      try {
        verdicts = runner.verdicts(project.read('verdicts.json'))
      } catch (error) {
        throw new Error(output, { cause: error })
      }
    }, runnerTestMillis)

    it('is judged by its conventions', () => {
      const parents = ['has subtests']
      const wrong = [...verdicts].filter(([name, { passed, message }]) => {
        if (parents.includes(name) || /skipped|still to do|skips itself/.test(name)) return false
        return name.startsWith('leaks') ? !/LeakError\]?: outlived-scope/.test(message) : !passed
      })
      expect(wrong).toEqual([])
      expect([...verdicts.keys()].filter((name) => name.startsWith('leaks')).length).toBeGreaterThan(0)
    })
  })
}
