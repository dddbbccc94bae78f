import { expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.ts'
import { longNames } from '../../src/cli/suggestion.ts'

it.each(commands)(
  '$name loads a command of that name, with options that are named once',
  async ({ name, load }) => {
    const spec = await load()
    expect(spec.name).toBe(name)
    const names = longNames(spec.options)
    expect(new Set(names).size).toBe(names.length)
  },
)
