import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { useDatabase } from '../../../support/database.ts'
import { useLibrariesIn } from '../../../support/example-packages.ts'
import { withoutFigures } from '../../../support/figures.ts'
import { compile, root, runExample } from './programs.ts'

const db = useDatabase()

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
      const printed = await runExample(db, `${example}/${file}`)
      expect(comparable(printed)).toBe(comparable(text))
    },
  )
})

it('all of them compile', async () => {
  expect(await compile('tsconfig.json')).toBe('')
})

function comparable(text: string): string {
  return withoutFigures(text)
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .trim()
}
