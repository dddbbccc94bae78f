// @ts-check
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** @typedef {(pool: import('pg').Pool) => Promise<import('pg').PoolClient>} Route */

/**
 * Functions that check a client out, each on a line of its own in a file that exists.
 *
 * @param {number} count
 * @returns {Promise<readonly Route[]>}
 */
export async function differentLines(count) {
  const folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-scale-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'routes.mjs')
  const functions = Array.from({ length: count }, () => '  async (pool) => await pool.connect(),')
  writeFileSync(file, ['export const routes = [', ...functions, ']'].join('\n'))
  const { routes } = await import(pathToFileURL(file).href)
  return routes
}
