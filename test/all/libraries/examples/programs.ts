import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { TestDatabase } from '../../../support/database.ts'

export const root = join(import.meta.dirname, '../../../..')
// The compiler and tsx are those of the repository.
const { resolve } = createRequire(join(root, 'package.json'))
const tsconfig = join(import.meta.dirname, 'tsconfig.json')

/** Runs an example. Returns what it prints, and rejects with it if the exit code is not 0. */
export function runExample(db: TestDatabase, file: string): Promise<string> {
  return outputOf([resolve('tsx/cli'), file], { DATABASE_URL: db.url, TSX_TSCONFIG_PATH: tsconfig })
}

/** Returns what the compiler finds in the examples that one of the projects here includes. */
export function compile(project: string): Promise<string> {
  return outputOf([resolve('typescript/bin/tsc'), '--project', join(import.meta.dirname, project)])
}

function outputOf(args: readonly string[], extra: NodeJS.ProcessEnv = {}): Promise<string> {
  const env = { ...process.env, NO_COLOR: '1', ...extra }
  return new Promise((done, fail) => {
    execFile(process.execPath, args, { cwd: root, env, timeout: 100_000 }, (error, stdout, stderr) => {
      if (error === null) done(stdout)
      else fail(new Error(`${args.join(' ')} has failed: ${stdout}${stderr}`, { cause: error }))
    })
  })
}
