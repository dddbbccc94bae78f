import { rmSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeAll } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** While the tests of a file run, an example finds the packages of `test/all/libraries`, as if they were installed beside it. */
export function useLibrariesIn(example: string): void {
  const link = join(root, example, 'node_modules')
  beforeAll(() => {
    rmSync(link, { force: true })
    symlinkSync(relative(join(root, example), join(root, 'test/all/libraries/node_modules')), link, 'dir')
  })
  afterAll(() => rmSync(link, { force: true }))
}
