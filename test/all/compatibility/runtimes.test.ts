import { execFile } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()
const modules = join(import.meta.dirname, '../node_modules')
const root = join(import.meta.dirname, '../../..')

/** The programs that npm brings for Linux; elsewhere there are none to try. */
const runtimes: readonly [name: string, program: string, args: readonly string[]][] = [
  ['Node.js', process.execPath, []],
  ['Bun', join(modules, '@oven/bun-linux-x64/bin/bun'), []],
  ['Deno', join(modules, '@deno/linux-x64-glibc/deno'), ['run', '--allow-all', '--no-check']],
]

const fixture = join(root, 'test/compatibility/fixtures/observed-service.mjs')
/** The lines that check a client out: in the handler, then in the worker. */
const lines = readFileSync(fixture, 'utf8')
  .split('\n')
  .flatMap((line, index) => (line.includes('await pool.connect()') ? [index + 1] : []))

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-runtimes-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(inject('compiledPackage'), join(folder, 'node_modules/pg-lifeguard'), 'junction')
  symlinkSync(join(root, 'node_modules/pg'), join(folder, 'node_modules/pg'), 'junction')
  copyFileSync(fixture, join(folder, 'service.mjs'))
  const dependencies = { pg: '*', 'pg-lifeguard': '*' }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', dependencies }))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(runtimes)('a service on %s', (_name, program, args) => {
  it.skipIf(!existsSync(program))('has its leaks found and ended, with line, route and refusal', async () => {
    const { stdout } = await promisify(execFile)(program, [...args, 'service.mjs'], {
      cwd: folder,
      env: { ...process.env, DATABASE_URL: db.url, NODE_OPTIONS: '', NO_COLOR: '1' },
      timeout: 60_000,
    })
    const file = expect.stringMatching(/service\.mjs$/)
    expect(JSON.parse(stdout)).toEqual({
      inRequest: { kind: 'outlived-scope', file, line: lines[0], scope: 'GET /orders', outcome: 'destroyed' },
      inWorker: { kind: 'idle-transaction', file, line: lines[1], outcome: 'rolled-back' },
      refused: 'LIFEGUARD_TRANSACTION_ROLLED_BACK',
      rows: [{ one: 1 }],
    })
  })
})
