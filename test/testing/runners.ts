import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const modules = join(root, 'node_modules')

/** Two seconds, which is Mocha's own limit, are soon over on a busy machine. */
const patientMillis = 30_000

/** What became of one test. */
export interface Verdict {
  readonly passed: boolean
  readonly message: string
}

export interface Runner {
  /** `pg-lifeguard/<entry>` */
  readonly entry: string
  /** The command line after `node`. */
  readonly command: readonly string[]
  /** What is linked into the project, by name. */
  readonly packages: Readonly<Record<string, string>>
  /** Configuration, by path. */
  readonly files: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** The project consists of CommonJS modules; `files` and all else is written as ES modules, and rewritten. */
  readonly commonJs?: true
  /** What a test file begins with, to have `test`, `describe`, `beforeAll`, `afterAll`, `beforeEach`, `afterEach`. */
  readonly header: string
  /** The module that calls \`leakCheck\`. */
  setUp(options: string): string
  /** Arguments with which a file is run and each verdict can be read from the output. */
  machine(file: string): readonly string[]
  /** Arguments for people. */
  human(file: string): readonly string[]
  verdicts(output: string): ReadonlyMap<string, Verdict>
  /** A test of this name that runs at the same time as others; undefined where there are none. */
  concurrent?(name: string, body: string): string
  /** Around the concurrent ones. */
  concurrentGroup?(tests: string): string
}

const plainSetUp = (entry: string) => (options: string) =>
  `
import { leakCheck } from 'pg-lifeguard/${entry}'
import { lifeguard } from '../src/database.js'

leakCheck(lifeguard, ${options})
`

/** Vitest from this `node_modules`, where it may have another name. */
export function vitestFrom(folder: string, name = 'vitest'): Runner {
  const json = '--outputFile=verdicts.json'
  return {
    entry: 'vitest',
    command: [join(folder, name, 'vitest.mjs'), 'run', '--root', '.'],
    packages: { vitest: join(folder, name) },
    files: {
      'vitest.config.js': `export default {
        test: {
          setupFiles: ['test/leak-check.js'], include: ['test/**/*.test.js'], cache: false, watch: false,
          testTimeout: ${patientMillis}, hookTimeout: ${patientMillis},
        },
      }`,
    },
    header: "import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from 'vitest'",
    setUp: plainSetUp('vitest'),
    machine: (file) => [file, '--reporter=json', json],
    human: (file) => [file, '--reporter=default'],
    verdicts: jestVerdicts,
    concurrent: (name, body) => `test.concurrent(${JSON.stringify(name)}, async () => {${body}})`,
  }
}

/** Jest from this `node_modules`. */
export function jestFrom(folder: string): Runner {
  return {
    entry: 'jest',
    command: ['--experimental-vm-modules', '--no-warnings', join(folder, 'jest/bin/jest.js')],
    packages: { '@jest/globals': join(folder, '@jest/globals') },
    files: {
      'jest.config.js': `export default {
        testEnvironment: 'node', testTimeout: ${patientMillis}, transform: {}, testMatch: ['**/test/**/*.test.js'], maxConcurrency: 20,
        setupFilesAfterEnv: ['./test/leak-check.js'], watchman: false, haste: { enableSymlinks: false },
      }`,
    },
    header: "import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from '@jest/globals'",
    setUp: plainSetUp('jest'),
    machine: (file) => ['--json', '--outputFile=verdicts.json', file],
    human: (file) => [file],
    verdicts: jestVerdicts,
    concurrent: (name, body) => `test.concurrent(${JSON.stringify(name)}, async () => {${body}})`,
  }
}

const mocha: Runner = {
  entry: 'mocha',
  command: [
    join(modules, 'mocha/bin/mocha.js'),
    '--require=./test/leak-check.js',
    `--timeout=${patientMillis}`,
  ],
  packages: {},
  files: {},
  header:
    'const { after: afterAll, afterEach, before: beforeAll, beforeEach, describe, it: test } = globalThis',
  setUp: (options) => `
import { leakCheck } from 'pg-lifeguard/mocha'
import { lifeguard } from '../src/database.js'

export const mochaHooks = leakCheck(lifeguard, ${options})
`,
  machine: (file) => ['--reporter', 'json', '--reporter-option', 'output=verdicts.json', file],
  human: (file) => ['--reporter', 'spec', file],
  verdicts(output) {
    const { tests, failures } = JSON.parse(output) as Record<
      'tests' | 'failures',
      { title: string; err: { stack?: string } }[]
    >
    const failed = new Map(failures.map(({ title, err }) => [title, err.stack ?? '']))
    return new Map(
      [...tests, ...failures].map(({ title }) => [
        title,
        { passed: !failed.has(title), message: failed.get(title) ?? '' },
      ]),
    )
  },
}

const nodeTest: Runner = {
  entry: 'node-test',
  command: ['--import', './test/leak-check.js', '--test'],
  packages: {},
  files: { 'verdicts.js': verdictReporter() },
  header:
    "import { after as afterAll, afterEach, before as beforeAll, beforeEach, describe, test } from 'node:test'",
  setUp: plainSetUp('node-test'),
  machine: (file) => ['--test-reporter=./verdicts.js', '--test-reporter-destination=verdicts.json', file],
  human: (file) => ['--test-reporter=spec', file],
  verdicts: (output) => new Map(JSON.parse(output) as [string, Verdict][]),
  concurrent: (name, body) => `test(${JSON.stringify(name)}, async () => {${body}})`,
  concurrentGroup: (tests) => `describe('at the same time', { concurrency: 20 }, () => {${tests}})`,
}

/** In the majors that the repository has. */
export const runners = {
  vitest: vitestFrom(modules),
  jest: jestFrom(modules),
  nodeTest,
  mocha,
} satisfies Record<string, Runner>

/** The same in a project of CommonJS modules, where Jest needs no flag. */
export function inCommonJs(runner: Runner): Runner {
  const command = runner.command
    .filter((argument) => argument !== '--experimental-vm-modules')
    .map((argument) => (argument === '--import' ? '--require' : argument))
  return { ...runner, command, commonJs: true }
}

/** Vitest has taken the format over from Jest. */
function jestVerdicts(output: string): ReadonlyMap<string, Verdict> {
  const { testResults } = JSON.parse(output) as {
    testResults: {
      message: string
      assertionResults: { title: string; status: string; failureMessages: string[] }[]
    }[]
  }
  return new Map(
    testResults.flatMap(({ assertionResults }) =>
      assertionResults.map(({ title, status, failureMessages }): [string, Verdict] => [
        title,
        { passed: status === 'passed', message: failureMessages.join('\n') },
      ]),
    ),
  )
}

function verdictReporter(): string {
  return `
export default async function* (source) {
  const verdicts = []
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const { error } = data.details
    verdicts.push([data.name, { passed: type === 'test:pass', message: error?.cause?.stack ?? error?.stack ?? '' }])
  }
  yield JSON.stringify(verdicts)
}`
}
