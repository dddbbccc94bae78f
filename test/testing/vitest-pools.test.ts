import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { runnerTestMillis, useProject } from './project.ts'
import { runners } from './runners.ts'

const db = useDatabase()
const ofVitest = Object.entries(runners).filter(([, { entry }]) => entry === 'vitest')

const file = (name: string) => `
import { test } from 'vitest'
import { pool } from '../src/database.js'

test('leaks in ${name}', async () => {
  await pool.connect()
})
test('is clean in ${name}', async () => {
  const client = await pool.connect()
  client.release()
})
`

describe.each(ofVitest)('the leak check of %s', (name, runner) => {
  const project = useProject(runner, db)

  it.each([
    ['in threads', ['--pool=threads']],
    ['in forks', ['--pool=forks']],
    ['in threads that are not isolated', ['--pool=threads', '--no-isolate']],
    ['in forks that are not isolated', ['--pool=forks', '--no-isolate', '--no-file-parallelism']],
  ])(
    'blames the right tests of several files %s',
    async (_how, args) => {
      project.write({
        'test/leak-check.js': runner.setUp('{ settleMillis: 30 }'),
        'test/one.test.js': file('one'),
        'test/two.test.js': file('two'),
        'test/three.test.js': file('three'),
      })
      const { code, output } = await project.run([...runner.machine('test'), ...args])
      expect(code, output).toBe(1)
      const verdicts = [...runner.verdicts(project.read('verdicts.json'))]
      expect(verdicts.map(([name]) => name).toSorted()).toEqual(
        ['one', 'three', 'two'].flatMap((name) => [`is clean in ${name}`, `leaks in ${name}`]).toSorted(),
      )
      const wrong = verdicts.filter(([name, { passed, message }]) => {
        const place = `test/${name.split(' ').at(-1)}.test.js:6:`
        return name.startsWith('leaks') ? !message.includes(place) : !passed
      })
      expect(wrong).toEqual([])
    },
    runnerTestMillis,
  )

  // Before 4.1 such a fixture ends after all hooks, ours included.
  it.skipIf(name === 'vitest 3')(
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
})
