import { describe } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { judgesRunsOfWatchMode } from './contract/vitest-watch.ts'
import { useProject } from './project.ts'
import { runners } from './runners.ts'

const db = useDatabase()

describe('the leak check of Vitest in watch mode', () => {
  judgesRunsOfWatchMode(runners.vitest, useProject(runners.vitest, db))
})
