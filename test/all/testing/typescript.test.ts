import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()
const root = join(import.meta.dirname, '../../..')
const more = join(import.meta.dirname, '../node_modules')
const repository = join(root, 'node_modules')

/** The lines of a type are gone in the JavaScript, so that only a mapped line is the right one. */
const files = {
  'package.json': '{ "type": "commonjs" }',
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      target: 'es2022',
      module: 'commonjs',
      moduleResolution: 'node10',
      ignoreDeprecations: '6.0',
      esModuleInterop: true,
      sourceMap: true,
      rootDir: '.',
      isolatedModules: true,
      strict: true,
    },
    'ts-node': { transpileOnly: true },
  }),
  'babel.config.js': `module.exports = {
  presets: [
    [${JSON.stringify(join(more, '@babel/preset-env'))}, { targets: { node: 'current' } }],
    ${JSON.stringify(join(more, '@babel/preset-typescript'))},
  ],
}`,
  'src/database.ts': `import { Pool } from 'pg'
import { createLifeguard, type Lifeguard } from 'pg-lifeguard'

interface Erased {
  readonly one: string
}
export const pool = new Pool({ connectionString: process.env.DATABASE_URL, allowExitOnIdle: true })
export const lifeguard: Lifeguard = createLifeguard({ reporters: [] })
lifeguard.watch(pool, { name: 'main' })
export type { Erased }`,
  'src/orders.ts': `import { pool } from './database'

interface Erased {
  readonly one: string
  readonly two: string
}

export async function leak(_?: Erased): Promise<void> {
  const client = await pool.connect() // line 9
  await client.query('BEGIN')
}
export async function right(): Promise<void> {
  await pool.query('SELECT 1')
}`,
  'test/jest.ts': `import { leakCheck } from 'pg-lifeguard/jest'
import { lifeguard } from '../src/database'

leakCheck(lifeguard, { settleMillis: 30 })`,
  'test/mocha.ts': `import { leakCheck } from 'pg-lifeguard/mocha'
import { lifeguard } from '../src/database'

export const mochaHooks = leakCheck(lifeguard, { settleMillis: 30 })`,
  'test/orders.test.ts': `import { leak, right } from '../src/orders'

declare const test: (name: string, work: () => Promise<void>) => void
declare const it: typeof test
const check = typeof test === 'function' ? test : it
check('leaks', () => leak())
check('does not', () => right())`,
  'program.ts': `import { verifyNone } from 'pg-lifeguard/testing'
import { lifeguard } from './src/database'
import { leak } from './src/orders'

async function main(): Promise<void> {
  await verifyNone(lifeguard, { settleMillis: 0 })
  await leak()
  await verifyNone(lifeguard, { settleMillis: 0 })
}
main().catch((error: Error) => {
  console.error(error.stack)
  process.exit(1)
})`,
  'ts-jest.config.js': jestConfig([join(more, 'ts-jest'), { diagnostics: false }]),
  'babel.jest.config.js': jestConfig('babel-jest'),
} as const

function jestConfig(transform: string | readonly unknown[]): string {
  return `module.exports = ${JSON.stringify({
    rootDir: '.',
    testEnvironment: 'node',
    testTimeout: 30_000,
    transform: { '\\.ts$': transform },
    testMatch: ['**/*.test.ts'],
    setupFilesAfterEnv: ['./test/jest.ts'],
    watchman: false,
    haste: { enableSymlinks: false },
  })}`
}

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-typescript-'))
  const published = join(folder, 'node_modules/pg-lifeguard')
  for (const part of ['package.json', 'dist']) {
    cpSync(join(inject('compiledPackage'), part), join(published, part), { recursive: true })
  }
  const links = { pg: repository, mocha: repository, typescript: more, 'ts-node': more }
  for (const [name, modules] of Object.entries(links)) {
    symlinkSync(join(modules, name), join(folder, 'node_modules', name), 'junction')
  }
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const jest = (modules: string, config: string) => [
  join(modules, 'jest/bin/jest.js'),
  '--runInBand',
  '--no-cache',
  `--config=${config}`,
]
const mocha = join(repository, 'mocha/bin/mocha.js')

it.each<[string, readonly string[], RegExp]>([
  ['Jest 29 with ts-jest', jest(repository, 'ts-jest.config.js'), /1 failed, 1 passed/],
  ['Jest 30 with ts-jest', jest(more, 'ts-jest.config.js'), /1 failed, 1 passed/],
  ['Jest 29 with Babel', jest(repository, 'babel.jest.config.js'), /1 failed, 1 passed/],
  ['Jest 30 with Babel', jest(more, 'babel.jest.config.js'), /1 failed, 1 passed/],
  [
    'Mocha with ts-node/register',
    [
      mocha,
      '--require=./node_modules/ts-node/register/index.js',
      '--require=./test/mocha.ts',
      '--timeout=30000',
      'test/orders.test.ts',
    ],
    /1 passing[\s\S]*1 failing/,
  ],
  ['ts-node', ['node_modules/ts-node/dist/bin.js', 'program.ts'], /LeakError/],
])(
  'the leak check names the line of TypeScript in a CommonJS project: %s',
  async (_name, command, verdict) => {
    const env: NodeJS.ProcessEnv = { ...process.env, DATABASE_URL: db.url, NO_COLOR: '1' }
    for (const name of ['NODE_OPTIONS', 'NODE_ENV', 'VITEST', 'FORCE_COLOR', 'CI'])
      Reflect.deleteProperty(env, name)
    const failure = await promisify(execFile)(process.execPath, command, {
      cwd: folder,
      env,
      timeout: 90_000,
    }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    )
    const output = failure.stdout + failure.stderr
    expect(failure.code, output).toBe(1)
    expect(output).toMatch(verdict)
    expect(output).toContain('outlived-scope in pool main')
    expect(output).toContain(`${join('src', 'orders.ts')}:9:`)
  },
)
