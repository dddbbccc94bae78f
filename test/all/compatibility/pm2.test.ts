import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'

const db = useDatabase()
const root = join(import.meta.dirname, '../../..')
const pm2 = join(import.meta.dirname, '../node_modules/pm2/bin/pm2')

const leaky = `const { Pool } = require('pg')
const pool = new Pool({ connectionString: process.env.DATABASE_URL })
void (async () => {
  await (await pool.connect()).query('BEGIN')
})()`

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-pm2-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(inject('compiledPackage'), join(folder, 'node_modules/pg-lifeguard'), 'junction')
  symlinkSync(join(root, 'node_modules/pg'), join(folder, 'node_modules/pg'), 'junction')
  const app = { script: 'leaky.cjs', cwd: folder, autorestart: false, merge_logs: true }
  const apps = ['fork', 'cluster'].map((mode) => ({
    ...app,
    name: mode,
    exec_mode: mode,
    instances: 1,
    out_file: join(folder, `${mode}.log`),
    error_file: join(folder, `${mode}.log`),
  }))
  writeFileSync(join(folder, 'leaky.cjs'), leaky)
  writeFileSync(join(folder, 'ecosystem.config.cjs'), `module.exports = ${JSON.stringify({ apps })}`)
})
afterAll(async () => {
  await run('kill')
  rmSync(folder, { recursive: true, force: true })
})

function run(...command: string[]) {
  const env = {
    ...process.env,
    PM2_HOME: join(folder, 'pm2'),
    DATABASE_URL: db.url,
    NODE_OPTIONS: '--import pg-lifeguard/register',
    LIFEGUARD_IDLE_TRANSACTION: '50ms',
    LIFEGUARD_REPORTER: 'json',
    NO_COLOR: '1',
  }
  return promisify(execFile)(process.execPath, [pm2, ...command], { cwd: folder, env, timeout: 60_000 })
}

it('the applications of pm2 are found to leak, in either mode, and pm2 itself says nothing', async () => {
  const { stdout, stderr } = await run('start', 'ecosystem.config.cjs')
  expect(stdout + stderr).not.toContain('pg-lifeguard:')
  for (const mode of ['fork', 'cluster']) {
    await eventually(() => {
      const log = readFileSync(join(folder, `${mode}.log`), 'utf8')
      const [finding] = log.split('\n').filter((line) => line.includes('"event":"finding"'))
      expect(JSON.parse(finding ?? '{}'), log).toMatchObject({
        kind: 'idle-transaction',
        origin: { line: 4 },
      })
    })
  }
  expect(readFileSync(join(folder, 'pm2/pm2.log'), 'utf8')).not.toContain('pg-lifeguard:')
})
