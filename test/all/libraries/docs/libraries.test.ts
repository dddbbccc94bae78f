import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { libraries as ownLibraries } from '../../../contracts/libraries.ts'
import { facts, type LibrarySetUp } from '../../../contracts/library.ts'
import { libraries } from '../contracts/libraries.ts'

const page = join(import.meta.dirname, '../../../../docs/libraries.md')
const section = /(<!-- contracts: generated -->\n)[\s\S]*(<!-- \/contracts -->)/

// PGLIFEGUARD_WRITE_DOCS=1 npm run test:libraries -- docs
it('the page lists the libraries that are held to the contracts, and each exception', () => {
  const text = readFileSync(page, 'utf8')
  const expected = text.replace(section, (_whole, start, end) => `${start}${generated()}${end}`)
  if (process.env.PGLIFEGUARD_WRITE_DOCS !== undefined) writeFileSync(page, expected)
  else expect(text).toBe(expected)
})

function generated(): string {
  const rows = [...ownLibraries, ...libraries].toSorted(byName)
  const lines = [
    ...Object.entries(facts).map(([fact, sentence]) => `- **${fact}**: ${sentence}`),
    '',
    '| library | version | all of these, except |',
    '| --- | --- | --- |',
    ...rows.map((setUp) => `| ${setUp.name} | ${versionOf(setUp)} | ${exceptionsOf(setUp)} |`),
  ]
  return `${lines.join('\n')}\n`
}

function byName(a: LibrarySetUp, b: LibrarySetUp): number {
  return a.name.localeCompare(b.name, 'en') || a.version.localeCompare(b.version, 'en', { numeric: true })
}

function versionOf({ version }: LibrarySetUp): string {
  return version.split('.').slice(0, 2).join('.')
}

function exceptionsOf({ exceptions = [] }: LibrarySetUp): string {
  return exceptions.map(({ fact, reason }) => `**${fact}**: ${reason}`).join('<br>')
}
