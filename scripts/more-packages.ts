import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A package of its own, so that `npm ci` brings only what most people need: what else the scripts need, with its lock file. */
export const morePackages = join(import.meta.dirname, '../test/all')

/** Installs them, unless they are there. */
export function installMorePackages(): void {
  const installed = join(morePackages, 'node_modules/.package-lock.json')
  const lockFile = join(morePackages, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockFile).mtimeMs) return
  const { status } = spawnSync('npm', ['ci', '--prefix', morePackages, '--no-audit'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exit(status ?? 1)
}
