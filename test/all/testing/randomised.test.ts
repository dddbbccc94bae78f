import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../randomised/random.ts'
import { useDatabase } from '../../support/database.ts'
import { runnerTestMillis, useProject } from '../../testing/project.ts'
import { type Runner, runners } from '../../testing/runners.ts'
import { otherRunners } from './other-runners.ts'

const db = useDatabase()
const tests = 1000
const seed =
  process.env.PGLIFEGUARD_SEED === 'random' ? Date.now() : Number(process.env.PGLIFEGUARD_SEED ?? 1)

/** What a test does, and the kind of finding that it fails with. */
const acts: readonly { readonly code: string; readonly kind?: string }[] = [
  { code: "await client.query('SELECT 1'); client.release()" },
  { code: "await client.query('BEGIN'); await client.query('COMMIT'); client.release()" },
  { code: "await client.query('SELECT 1'); setTimeout(() => client.release(), 3)" },
  { code: "try { await client.query('SELECT 1 / 0') } catch {} finally { client.release() }" },
  { code: "await client.query('SELECT 1')", kind: 'outlived-scope' },
  { code: "await client.query('BEGIN')", kind: 'outlived-scope' },
  { code: "await client.query('BEGIN'); client.release()", kind: 'dirty-release' },
  {
    code: "await client.query('BEGIN'); try { await client.query('SELECT 1 / 0') } catch {} finally { client.release() }",
    kind: 'dirty-release',
  },
]

describe.each<[string, Runner]>(Object.entries({ ...runners, ...otherRunners }))(
  'the leak check of %s',
  (_name, runner) => {
    const project = useProject(runner, db)

    it(
      `blames the right ones of ${tests} tests, those that run at the same time among them (seed ${seed})`,
      async () => {
        const { text, expected } = randomFile(runner)
        project.write({
          'src/database.js': project
            .read('src/database.js')
            .replace('max: 4', 'max: 20')
            .replace('3000', '30000'),
          'test/leak-check.js': runner.setUp('{ settleMillis: 50 }'),
          'test/random.test.js': text,
        })
        const { code, output } = await project.run(runner.machine('test/random.test.js'))
        expect(code, output).toBeGreaterThan(0)
        const verdicts = runner.verdicts(project.read('verdicts.json'))
        expect([...expected.keys()].filter((name) => !verdicts.has(name))).toEqual([])
        const wrong = [...verdicts].filter(([name, { passed, message }]) => {
          if (!expected.has(name)) return false
          const blame = expected.get(name)
          return blame === undefined
            ? !passed
            : !(message.includes(blame.kind) && message.includes(blame.place))
        })
        expect(wrong.slice(0, 5)).toEqual([])
      },
      runnerTestMillis,
    )
  },
)

function randomFile(runner: Runner) {
  const random = seededRandom(seed)
  const lines = [
    runner.header,
    "import { setTimeout as sleep } from 'node:timers/promises'",
    "import { pool } from '../src/database.js'",
    'afterAll(() => pool.end())',
  ]
  const expected = new Map<string, { kind: string; place: string } | undefined>()
  for (let number = 1; number <= tests; ) {
    const together = runner.concurrent !== undefined && random.chance(0.3) ? 1 + random.below(40) : 1
    const opening = runner.concurrentGroup?.('BODY').split('BODY')
    const isGroup = together > 1
    if (isGroup && opening !== undefined) lines.push(opening[0] ?? '')
    for (let one = 0; one < together && number <= tests; one++, number++) {
      const name = `number ${number}`
      const { code, kind } = random.pick(acts)
      const body = `await sleep(${random.below(4)}); const client = await pool.connect(); ${code}`
      lines.push(
        isGroup ? (runner.concurrent?.(name, body) ?? '') : `test('${name}', async () => { ${body} })`,
      )
      expected.set(name, kind === undefined ? undefined : { kind, place: `random.test.js:${lines.length}:` })
    }
    if (isGroup && opening !== undefined) lines.push(opening[1] ?? '')
  }
  return { text: `${lines.join('\n')}\n`, expected }
}
