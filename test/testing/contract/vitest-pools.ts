import { expect, it } from 'vitest'
import { type Project, runnerTestMillis } from '../project.ts'
import type { Runner } from '../runners.ts'

type Pool = readonly [how: string, flags: readonly string[]]

const sharedThreads: Pool = ['in threads that are not isolated', ['--pool=threads', '--no-isolate']]

/** The pools of Vitest, by what a module and its hooks are shared with. */
export const vitestPools = {
  sharedThreads,
  others: [
    ['in threads', ['--pool=threads']],
    ['in forks', ['--pool=forks']],
    ['in forks that are not isolated', ['--pool=forks', '--no-isolate', '--no-file-parallelism']],
  ] satisfies Pool[],
}

const file = (name: string) => `
import { test } from 'vitest'
import { pool } from '../../src/database.js'

test('leaks in ${name}', async () => {
  await pool.connect()
})
test('is clean in ${name}', async () => {
  const client = await pool.connect()
  client.release()
})
`

export function judgesFilesOfPools(runner: Runner, project: Project, pools: readonly Pool[]): void {
  it.each(pools)(
    'blames the right tests of several files %s',
    async (_how, args) => {
      project.write({
        'test/leak-check.js': runner.setUp('{ settleMillis: 30 }'),
        'test/files/one.test.js': file('one'),
        'test/files/two.test.js': file('two'),
        'test/files/three.test.js': file('three'),
      })
      const { code, output } = await project.run([...runner.machine('test/files'), ...args])
      expect(code, output).toBe(1)
      const verdicts = [...runner.verdicts(project.read('verdicts.json'))]
      expect(verdicts.map(([name]) => name).toSorted()).toEqual(
        ['one', 'three', 'two'].flatMap((name) => [`is clean in ${name}`, `leaks in ${name}`]).toSorted(),
      )
      const wrong = verdicts.filter(([name, { passed, message }]) => {
        const place = `test/files/${name.split(' ').at(-1)}.test.js:6:`
        return name.startsWith('leaks') ? !message.includes(place) : !passed
      })
      expect(wrong).toEqual([])
    },
    runnerTestMillis,
  )
}

/** Since Vitest 4.1; before, such a fixture ended after all hooks, ours included. */
export function knowsFixturesOfFiles(runner: Runner, project: Project): void {
  it(
    'takes what a fixture of the file acquires outside of its scope for the suite',
    async () => {
      project.write({
        'test/leak-check.js': runner.setUp('{ settleMillis: 30 }'),
        'test/one.test.js': `
import { test as base } from 'vitest'
import { lifeguard, pool } from '../src/database.js'

const test = base.extend({
  client: [
    async ({}, use) => {
      const client = await lifeguard.detach(() => pool.connect())
      await use(client)
      client.release()
    },
    { scope: 'file' },
  ],
})
test('is the first to ask for it', ({ client }) => client.query('SELECT 1'))
test('gets the same', ({ client }) => client.query('SELECT 1'))
`,
      })
      const { code, output } = await project.run(runner.machine('test/one.test.js'))
      expect(code, output).toBe(0)
    },
    runnerTestMillis,
  )
}
