import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { withoutFigures } from '../support/figures.ts'

const db = useDatabase()
const root = join(import.meta.dirname, '../..')
const tsx = createRequire(import.meta.url).resolve('tsx/cli')

it.each(['express', 'fastify'])(
  'plays the service of examples/%s, which does what its README shows',
  async (name) => {
    const readme = readFileSync(join(root, 'examples', name, 'README.md'), 'utf8')
    const shown = /```text\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
    expect(withoutFigures(await outputOf(`examples/${name}/smoke.ts`))).toBe(withoutFigures(shown))
  },
)

/** Rejects with all that was printed if the exit code is not 0. */
function outputOf(script: string): Promise<string> {
  const env = {
    ...process.env,
    DATABASE_URL: db.url,
    NO_COLOR: '1',
    // The package by its name is src/ here, whatever dist/ is like.
    TSX_TSCONFIG_PATH: join(import.meta.dirname, 'examples/tsconfig.json'),
  }
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [tsx, script],
      { cwd: root, env, timeout: 100_000 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(`${script} has failed: ${stdout}${stderr}`, { cause: error }))
      },
    )
  })
}
