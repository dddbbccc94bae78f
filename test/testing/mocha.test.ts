import { describe } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { keepsBaseline } from './contract/baseline.ts'
import { judgesTests } from './contract/battery.ts'
import { knowsConventions } from './contract/conventions.ts'
import { checksSetUp } from './contract/set-ups.ts'
import { useProject } from './project.ts'
import { runners } from './runners.ts'

const db = useDatabase()

describe('the leak check of Mocha', () => {
  const runner = runners.mocha
  const project = useProject(runner, db)

  judgesTests(runner, project)
  knowsConventions(runner, project)
  checksSetUp(runner, project)
  keepsBaseline(runner, project)
})
