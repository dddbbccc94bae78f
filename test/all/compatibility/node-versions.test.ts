import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()
const root = join(import.meta.dirname, '../../..')
const more = join(import.meta.dirname, '../node_modules')

/** The programs that npm brings for Linux; elsewhere there are none to try. */
const versions = ['20', '22', '24', '26']
const programOf = (version: string) => join(more, `node-${version}/bin/node`)

/** An import of it does what \`--import\` does, so it comes last; Vitest refuses to be loaded by \`require\`. */
const last = 'pg-lifeguard/register'
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object }
const entries = Object.keys(exports)
  .filter((path) => !path.endsWith('.json'))
  .map((path) => `pg-lifeguard${path.slice(1)}`)
  .sort((one, other) => Number(one === last) - Number(other === last))
const requirable = entries.filter((entry) => entry !== 'pg-lifeguard/vitest')

const files = {
  'package.json': '{ "type": "commonjs" }',
  'require.cjs': `for (const entry of ${JSON.stringify(requirable)}) {
  if (Object.keys(require(entry)).length === 0) throw new Error(entry + ' exports nothing')
}
const { createLifeguard } = require('pg-lifeguard')
console.log(typeof createLifeguard)`,
  'import.mjs': `import { createRequire } from 'node:module'
for (const entry of ${JSON.stringify(entries)}) {
  const { default: _, ...named } = await import(entry)
  if (Object.keys(named).length === 0) throw new Error(entry + ' exports nothing')
}
const { createLifeguard } = await import('pg-lifeguard')
console.log(createLifeguard === createRequire(import.meta.url)('pg-lifeguard').createLifeguard)`,
  'database.js': `const { Pool } = require('pg')
const { createLifeguard } = require('pg-lifeguard')
exports.pool = new Pool({ connectionString: process.env.DATABASE_URL, allowExitOnIdle: true })
exports.lifeguard = createLifeguard({ reporters: [] })
exports.lifeguard.watch(exports.pool, { name: 'main' })`,
  'leak-check.js': `const { leakCheck } = require('pg-lifeguard/jest')
leakCheck(require('./database.js').lifeguard, { settleMillis: 30 })`,
  'jest.config.js': `module.exports = {
  testEnvironment: 'node', testTimeout: 30000, transform: {}, setupFilesAfterEnv: ['./leak-check.js'],
  watchman: false, haste: { enableSymlinks: false },
}`,
  'orders.test.js': `const { pool } = require('./database.js')
afterAll(() => pool.end())
test('leaks', async () => {
  const client = await pool.connect()
  await client.query('BEGIN')
})
test('does not', async () => {
  await pool.query('SELECT 1')
})`,
} as const

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-versions-'))
  const published = join(folder, 'node_modules/pg-lifeguard')
  for (const part of ['package.json', 'dist']) {
    cpSync(join(inject('compiledPackage'), part), join(published, part), { recursive: true })
  }
  for (const name of ['pg', '@opentelemetry/api', 'vitest', 'cls-hooked']) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), link, 'junction')
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function run(version: string, args: readonly string[]) {
  const env: NodeJS.ProcessEnv = { ...process.env, DATABASE_URL: db.url, NO_COLOR: '1' }
  for (const name of ['NODE_OPTIONS', 'NODE_ENV', 'VITEST', 'FORCE_COLOR', 'CI'])
    Reflect.deleteProperty(env, name)
  const options = { cwd: folder, env, timeout: 90_000 }
  try {
    const { stdout, stderr } = await promisify(execFile)(programOf(version), args, options)
    return { code: 0, stdout, output: stdout + stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, stdout, output: stdout + stderr }
  }
}

describe.each(versions)('Node.js %s, without a flag', (version) => {
  const onLinux = it.skipIf(!existsSync(programOf(version)))

  onLinux('requires and imports every entry point, and both are one', async () => {
    const required = await run(version, ['require.cjs'])
    expect(required, required.output).toMatchObject({ code: 0, stdout: 'function\n' })
    const imported = await run(version, ['import.mjs'])
    expect(imported, imported.output).toMatchObject({ code: 0, stdout: 'true\n' })
    expect(required.output + imported.output).not.toMatch(/ExperimentalWarning/)
  })

  onLinux('runs the leak check of Jest 29 and 30 in a CommonJS project', async () => {
    const jests = [root, join(more, '..')].map((one) => join(one, 'node_modules/jest/bin/jest.js'))
    for (const { code, output } of await Promise.all(
      jests.map((jest) => run(version, [jest, '--runInBand'])),
    )) {
      expect(code, output).toBe(1)
      expect(output).toContain('outlived-scope in pool main')
      expect(output).toContain('orders.test.js:4:')
      expect(output).toMatch(/1 failed, 1 passed/)
    }
  })
})
