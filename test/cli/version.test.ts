import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { version } from '../../src/cli/version.ts'

it('is that of the package', () => {
  const url = new URL('../../package.json', import.meta.url)
  expect(version).toBe(JSON.parse(readFileSync(url, 'utf8')).version)
})
