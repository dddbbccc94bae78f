import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.ts'
import { exitCode } from '../../src/cli/exit-code.ts'
import { readPage, tableIn } from './page.ts'

const page = readPage('docs/server.md')
const specs = await Promise.all(commands.map((entry) => entry.load()))

describe('docs/server.md', () => {
  it('names options that exist', () => {
    const there = specs.flatMap(({ options }) => options.map(({ flags }) => flags.split(' ')[0]))
    const named = [...page.text.matchAll(/(?<![\w-])--[a-z][\w-]*/g)].map(([flag]) => flag)
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter((flag) => ![...there, '--help', '--version'].includes(flag))).toEqual([])
  })

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
