import { describe } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { judgesTests } from '../../testing/contract/battery.ts'
import { checksSetUp } from '../../testing/contract/set-ups.ts'
import { useProject } from '../../testing/project.ts'
import { inCommonJs, runners } from '../../testing/runners.ts'

const db = useDatabase()

describe.each([
  ['Jest', runners.jest],
  ['Mocha', runners.mocha],
  ['node:test', runners.nodeTest],
])('the leak check of %s in a CommonJS project', (_name, runner) => {
  const commonJs = inCommonJs(runner)
  const project = useProject(commonJs, db)
  if (runner.entry !== 'jest') judgesTests(commonJs, project)
  checksSetUp(commonJs, project)
})
