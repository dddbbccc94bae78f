// @ts-check
// Packages that an application loads: late, so that a variant can prepare for them, and by `require`, which is what
// instrumentations hook.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

export const require = createRequire(import.meta.url)

/** Libraries that `npm ci` alone does not bring; `npm run test:libraries` installs them. */
const libraries = new URL('../test/all/libraries/package.json', import.meta.url)
export const requireLibrary = createRequire(libraries)

/** @param {string} name */
export function hasLibrary(name) {
  return existsSync(fileURLToPath(new URL(`node_modules/${name}/package.json`, libraries)))
}

/** @returns {typeof import('pg')} */
export function requirePg() {
  return require('pg')
}
