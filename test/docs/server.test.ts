import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.ts'
import { exitCode } from '../../src/cli/exit-code.ts'
import { readPage, tableIn } from './page.ts'

const page = readPage('docs/server.md')
const specs = await Promise.all(commands.map((entry) => entry.load()))

describe.each(['docs/server.md', 'docs/watch.md', 'docs/migrate.md', 'docs/page.md'])('%s', (path) => {
  it('names options that exist', () => {
    const { text } = readPage(path)
    const there = specs.flatMap(({ options }) => options.map(({ flags }) => flags.split(' ')[0]))
    // `npm run demo -- --page` is a command of the repository.
    const ours = text.replaceAll(/npm run \S+ -- --[\w-]+/g, '')
    const named = [...ours.matchAll(/(?<![\w-])--[a-z][\w-]*/g)].map(([flag]) => flag)
    expect(named.length).toBeGreaterThan(5)
    // The last is an option of psql.
    const others = ['--help', '--version', '--single-transaction']
    expect(named.filter((flag) => ![...there, ...others].includes(flag))).toEqual([])
  })
})

describe('docs/server.md', () => {
  it('has the exit codes', () => {
    const told = tableIn(page.section('exit-codes')).map(([code]) => Number(code))
    const { internal: _, ...known } = exitCode
    expect(told).toEqual(Object.values(known))
  })
})

describe('help', () => {
  it.each(specs)('of $name has examples that are command lines of it', ({ name, examples, options }) => {
    expect(examples.length).toBeGreaterThan(0)
    const there = options.map(({ flags }) => flags.split(' ')[0])
    for (const [line] of examples) {
      expect(line).toMatch(new RegExp(`^(?:[A-Z_]+=\\S+ )*pg-lifeguard ${name}\\b`))
      const own = line.split(' -- ')[0] ?? ''
      const flags = [...own.matchAll(/(?<![\w-])--[a-z][\w-]*/g)].map(([flag]) => flag)
      expect(flags.filter((flag) => !there.includes(flag))).toEqual([])
    }
  })
})
