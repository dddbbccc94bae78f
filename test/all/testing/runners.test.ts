import { describe } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { keepsBaselineInDetail } from '../../testing/contract/baseline.ts'
import { checksSetUpInDetail } from '../../testing/contract/set-ups.ts'
import { judgesFilesOfPools, vitestPools } from '../../testing/contract/vitest-pools.ts'
import { useProject } from '../../testing/project.ts'
import { runners } from '../../testing/runners.ts'

const db = useDatabase()

// What test/testing leaves to node:test, because each process of these runners takes a second or two.
describe.each([
  ['Vitest', runners.vitest],
  ['Jest', runners.jest],
  ['Mocha', runners.mocha],
])('the leak check of %s', (_name, runner) => {
  const project = useProject(runner, db)
  checksSetUpInDetail(runner, project)
  keepsBaselineInDetail(runner, project)
  if (runner.entry === 'vitest') judgesFilesOfPools(runner, project, vitestPools.others)
})
