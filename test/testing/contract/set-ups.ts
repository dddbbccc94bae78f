import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { shown } from '../../docs/page.ts'
import { type Project, runnerTestMillis } from '../project.ts'
import type { Runner } from '../runners.ts'

const [toldOfPools = '-', toldOfClients = '-'] = shown('docs/testing.md', 'why-does-my-test-run-not-end')

const early = 'const early = await pool.connect()\nsetTimeout(() => early.release(), 100)\n'
const innocent = "test('is innocent', async () => {})"

const onceTold = (action: string) => `const waiting = setInterval(() => {
  if (!existsSync('told')) return
  clearInterval(waiting)
  ${action}
}, 50).unref()`

const inUse = "test('uses the pool', async () => { await pool.query('SELECT 1') })"
const watchingClients = (text: string) =>
  `import pg from 'pg'\nimport { watchClients } from 'pg-lifeguard/testing'\n${text}\nwatchClients(pg)\n`
const connects = (then: string) => `import pg from 'pg'
test('connects', async () => {
  const client = new pg.Client()
  await client.connect()
  ${then}
})`

interface Files {
  readonly database?: string
  readonly test?: string
  readonly options?: string
  readonly setUp?: (text: string) => string
}

/** What each test of a set-up needs: it changes one of the files, and the runner is run. */
function setUpOf(runner: Runner, project: Project) {
  let database: string | undefined
  const original = () => {
    database ??= project.read('src/database.js')
    return database
  }
  afterAll(() => {
    if (database !== undefined) project.write({ 'src/database.js': database })
  })

  function write(files: Files): void {
    const setUp = runner.setUp(files.options ?? '{ settleMillis: 20 }')
    project.write({
      'src/database.js': files.database ?? original(),
      'test/leak-check.js': files.setUp?.(setUp) ?? setUp,
      'test/one.test.js': `${runner.header}
import { pool } from '../src/database.js'
${files.test ?? innocent}
import { existsSync } from 'node:fs'
`,
    })
  }

  async function outcome(files: Files) {
    write(files)
    return await project.run(runner.human('test/one.test.js'))
  }

  /** Of a run that does not end before the leak check has said why. */
  async function hangingOutcome(files: Files) {
    write(files)
    const why = 'the tests are over and the process does not exit'
    return await project.runUntilTold(why, runner.human('test/one.test.js'))
  }

  async function expectRefusal(files: Files, message: RegExp) {
    const { code, output } = await outcome(files)
    expect(output).toMatch(message)
    expect(code, output).toBeGreaterThan(0)
  }

  return { original, outcome, hangingOutcome, expectRefusal }
}

/** A set-up that is wrong, hooks, and pools: what each leak check has to see to by itself. */
export function checksSetUp(runner: Runner, project: Project): void {
  describe('the set-up', () => {
    const { outcome, expectRefusal } = setUpOf(runner, project)

    it(
      'fails without a lifeguard',
      async () => {
        const setUp = (text: string) => text.replace('(lifeguard,', '(undefined,')
        await expectRefusal({ setUp }, /expects the lifeguard that watches your pools, got undefined/)
      },
      runnerTestMillis,
    )

    it(
      'fails a file whose hooks leave a session behind, and names the line',
      async () => {
        const test = `beforeAll(async () => {
  const client = await pool.connect()
  await client.query('BEGIN')
})
${innocent}`
        const { code, output } = await outcome({ test })
        expect(code, output).toBeGreaterThan(0)
        expect(output).toMatch(/outlived-scope in pool main/)
        expect(output).toMatch(/one\.test\.js:4:/)
      },
      runnerTestMillis,
    )

    it(
      'does not wait for ever for a pool that cannot end, and says why',
      async () => {
        const test = `afterAll(() => pool.end())
beforeAll(async () => {
  const client = await pool.connect()
  await client.query('SELECT 1')
})
${innocent}`
        const { code, output } = await outcome({ test })
        expect(code, output).toBeGreaterThan(0)
        expect(output).toMatch(/blocked-shutdown in pool main/)
        expect(output).toMatch(/one\.test\.js:5:/)
      },
      runnerTestMillis,
    )

    it(
      'fails a file that leaves its pool open, if it is to',
      async () => {
        await expectRefusal(
          { test: inUse, options: "{ unendedPools: 'fail' }" },
          /pool main, watched at src\/database\.js:7:11, was never ended and has 1 connection open/,
        )
      },
      runnerTestMillis,
    )
  })
}

/** The rest: what the leak checks share, seen through each runner. */
export function checksSetUpInDetail(runner: Runner, project: Project): void {
  describe('the set-up in detail', () => {
    const { original, outcome, hangingOutcome, expectRefusal } = setUpOf(runner, project)

    it(
      'passes what is in order',
      async () => {
        const { code, output } = await outcome({})
        expect(code, output).toBe(0)
      },
      runnerTestMillis,
    )

    it(
      'sees the pools of a lifeguard of another copy of the package',
      async () => {
        const modules = join(project.folder, 'node_modules')
        cpSync(join(modules, 'pg-lifeguard'), join(modules, 'another-copy'), { recursive: true })
        await expectRefusal(
          {
            database: original()
              .replace("'pg-lifeguard'", "'another-copy'")
              .replace('lifeguard.watch(', `${early}lifeguard.watch(`),
          },
          /pool main was in use before it was watched/,
        )
      },
      runnerTestMillis,
    )

    it(
      'fails with a lifeguard that watches no pool',
      async () => {
        await expectRefusal({ database: original().replace('lifeguard.watch(', 'void (') }, /watches no pool/)
      },
      runnerTestMillis,
    )

    it(
      'fails with a pool that was in use before it was watched',
      async () => {
        await expectRefusal(
          { database: original().replace('lifeguard.watch(', `${early}lifeguard.watch(`) },
          /pool main was in use before it was watched/,
        )
      },
      runnerTestMillis,
    )

    it(
      'passes a file whose last hook releases what the first one has taken',
      async () => {
        const test = `let client
afterAll(() => client.release())
beforeAll(async () => {
  client = await pool.connect()
})
${innocent}`
        const { code, output } = await outcome({ test })
        expect(code, output).toBe(0)
      },
      runnerTestMillis,
    )

    it.skipIf(runner.entry === 'vitest')(
      'tells which pool keeps the process from ending',
      async () => {
        const held = original().replace('allowExitOnIdle: true', 'idleTimeoutMillis: 60000')
        const { code, output } = await hangingOutcome({
          database: `import { existsSync } from 'node:fs'${held}${onceTold('pool.end()')}`,
          test: inUse,
        })
        expect(output).toContain(toldOfPools)
        expect(code, output).toBe(0)
        const ended = await outcome({ test: `afterAll(() => pool.end())\n${inUse}` })
        expect(ended.output).not.toMatch(/does not end/)
      },
      runnerTestMillis,
    )

    it(
      'fails a file that leaves a client of no pool open, if it is to, and names the line',
      async () => {
        const options = "{ settleMillis: 20, unendedPools: 'fail' }"
        await expectRefusal(
          { test: connects('client.unref()'), options, setUp: watchingClients },
          /a client, connected at test\/one\.test\.js:\d+:\d+, was never ended: call client\.end\(\)/,
        )
        const { code, output } = await outcome({
          test: connects('await client.end()'),
          options,
          setUp: watchingClients,
        })
        expect(code, output).toBe(0)
      },
      2 * runnerTestMillis,
    )

    it.skipIf(runner.entry === 'vitest')(
      'tells which client keeps the process from ending',
      async () => {
        const test = connects(onceTold('client.end()'))
        const { code, output } = await hangingOutcome({ test, setUp: watchingClients })
        expect(output.replace(/test\/one\.test\.js:\d+:\d+/, 'src/listen.js:12:16')).toContain(toldOfClients)
        expect(code, output).toBe(0)
      },
      runnerTestMillis,
    )
  })
}
