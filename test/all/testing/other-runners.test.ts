import { describe } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { keepsBaselineInDetail } from '../../testing/contract/baseline.ts'
import { judgesTests } from '../../testing/contract/battery.ts'
import { knowsConventions } from '../../testing/contract/conventions.ts'
import { checksSetUp, checksSetUpInDetail } from '../../testing/contract/set-ups.ts'
import { judgesFilesOfPools, vitestPools } from '../../testing/contract/vitest-pools.ts'
import { judgesRunsOfWatchMode } from '../../testing/contract/vitest-watch.ts'
import { useProject } from '../../testing/project.ts'
import { otherRunners } from './other-runners.ts'

const db = useDatabase()

describe.each(Object.entries(otherRunners))('the leak check of %s', (_name, runner) => {
  const project = useProject(runner, db)
  judgesTests(runner, project)
  knowsConventions(runner, project)
  checksSetUp(runner, project)
  checksSetUpInDetail(runner, project)
  keepsBaselineInDetail(runner, project)
  if (runner.entry !== 'vitest') return
  judgesFilesOfPools(runner, project, [vitestPools.sharedThreads, ...vitestPools.others])
})

// In a project of its own: it runs whatever there is.
describe('the leak check of Vitest 3 in watch mode', () => {
  const runner = otherRunners['Vitest 3']
  judgesRunsOfWatchMode(runner, useProject(runner, db))
})
