import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { withoutFigures } from '../support/figures.ts'
import { runnerTestMillis, useProject } from '../testing/project.ts'
import { runners } from '../testing/runners.ts'

const db = useDatabase()
const examples = join(import.meta.dirname, '../../examples')

describe.each([
  ['vitest', runners.vitest],
  ['jest', runners.jest],
])('examples/%s', (name, runner) => {
  const project = useProject({ ...runner, files: {} }, db)

  it(
    'fails as its README shows',
    async () => {
      cpSync(join(examples, name), project.folder, { recursive: true })
      const { code, output } = await project.run([], { DATABASE_URL: db.url })
      expect(code, output).toBe(1)
      const readme = readFileSync(join(examples, name, 'README.md'), 'utf8')
      const shown = /```text\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
      expect(shown).toContain('LeakError: outlived-scope in pool main')
      expect(words(output)).toContain(words(shown))
    },
    runnerTestMillis,
  )
})

/** Without line breaks, which depend on the length of a duration, and without the time that Jest adds to a slow file. */
const words = (text: string) =>
  withoutFigures(text)
    .replaceAll(/^(FAIL .*) \(N s\)$/gm, '$1')
    .replaceAll(/\s+/g, ' ')
    .trim()
