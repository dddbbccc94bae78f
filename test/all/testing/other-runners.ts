import { join } from 'node:path'
import { jestFrom, vitestFrom } from '../../testing/runners.ts'

const modules = join(import.meta.dirname, '../node_modules')

/** Majors beside those of the repository. */
export const otherRunners = {
  'Vitest 3': vitestFrom(modules, 'vitest-3'),
  'Jest 30': jestFrom(modules),
}
