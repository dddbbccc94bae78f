import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { useDatabase } from '../../../support/database.ts'
import { useLibrariesIn } from '../../../support/example-packages.ts'
import { withoutFigures } from '../../../support/figures.ts'

const db = useDatabase()
const root = join(import.meta.dirname, '../../../..')
// The compiler and tsx are those of the repository.
const { resolve } = createRequire(join(root, 'package.json'))
const tsconfig = join(import.meta.dirname, 'tsconfig.json')

const scripts = {
  'examples/fastify-postgres': ['play.ts'],
  'examples/jobs': ['graphile-worker.ts', 'pg-boss.ts'],
  'examples/nest': ['play.ts'],
}
for (const example of Object.keys(scripts)) useLibrariesIn(example)
beforeEach(() => db.query('DROP TABLE IF EXISTS orders'))

describe.each(Object.entries(scripts))('%s', (example, files) => {
  const readme = readFileSync(join(root, example, 'README.md'), 'utf8')
  const shown = [...readme.matchAll(/```text\n([\s\S]*?)```/g)].map(([, text = '']) => text)

  it.each(files.map((file, index) => [file, shown[index] ?? ''] as const))(
    'does what its README shows: %s',
    async (file, text) => {
      const printed = await outputOf([resolve('tsx/cli'), `${example}/${file}`])
      expect(comparable(printed)).toBe(comparable(text))
    },
  )
})

it('all of them compile', async () => {
  expect(await outputOf([resolve('typescript/bin/tsc'), '--project', tsconfig])).toBe('')
})

function comparable(text: string): string {
  return withoutFigures(text)
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .trim()
}

/** Rejects with all that was printed if the exit code is not 0. */
function outputOf(args: readonly string[]): Promise<string> {
  const env = { ...process.env, DATABASE_URL: db.url, NO_COLOR: '1', TSX_TSCONFIG_PATH: tsconfig }
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: root, env, timeout: 100_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${args.join(' ')} has failed: ${stdout}${stderr}`, { cause: error }))
    })
  })
}
