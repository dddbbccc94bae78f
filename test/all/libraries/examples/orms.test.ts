import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { useDatabase } from '../../../support/database.ts'
import { useLibrariesIn } from '../../../support/example-packages.ts'

const db = useDatabase()
const root = join(import.meta.dirname, '../../../..')
const folder = 'examples/orms'
// The compiler and tsx are those of the repository.
const { resolve } = createRequire(join(root, 'package.json'))
useLibrariesIn(folder)

const files = readdirSync(join(root, folder)).filter((file) => file.endsWith('.ts'))

it.each(files)('the example reports the transaction that it leaks, at its line: %s', async (file) => {
  const lines = readFileSync(join(root, folder, file), 'utf8').split('\n')
  // A comment at the end of the line, or on one of its own before it.
  const marked = lines.findIndex((text) => text.includes('// leaks'))
  const line = lines[marked]?.trim().startsWith('//') ? marked + 2 : marked + 1
  const report = await outputOf([resolve('tsx/cli'), `${folder}/${file}`])
  expect(report).toContain('leak: outlived-scope in pool main')
  expect(report).toContain('in request POST /orders')
  expect(report).toContain(`checked out at ${folder}/${file}:${line}:`)
  expect(report).toContain('the session was destroyed, its slot is free')
  expect(await db.sessions()).toEqual([])
})

/** Rejects with all that was printed if the exit code is not 0. */
function outputOf(args: readonly string[]): Promise<string> {
  const tsconfig = join(import.meta.dirname, 'tsconfig.json')
  const env = { ...process.env, DATABASE_URL: db.url, NO_COLOR: '1', TSX_TSCONFIG_PATH: tsconfig }
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: root, env, timeout: 100_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${args.join(' ')} has failed: ${stdout}${stderr}`, { cause: error }))
    })
  })
}
