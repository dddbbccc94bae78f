import { expect, it } from 'vitest'
import { openBrowser, openerOf } from '../../../src/cli/page/open-browser.ts'
import { eventually } from '../../support/eventually.ts'

it.each([
  ['darwin', 'open'],
  ['linux', 'xdg-open'],
  ['win32', 'cmd'],
] as const)('opens a URL on %s with %s', (platform, command) => {
  expect(openerOf(platform)[0]).toBe(command)
})

it('says that there is no browser, and goes on', async () => {
  const { PATH } = process.env
  process.env.PATH = '/nowhere'
  const warnings: string[] = []
  try {
    openBrowser('http://127.0.0.1:9', (reason) => warnings.push(reason))
  } finally {
    process.env.PATH = PATH
  }
  await eventually(() => expect(warnings).toMatchObject([expect.stringContaining('could not be opened')]))
})
