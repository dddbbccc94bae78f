import { describe, expect, it } from 'vitest'
import { longNames, withoutValuesOfUnknown, withSuggestion } from '../../src/cli/suggestion.ts'
import { exitCode, pgLifeguard } from './command-line.ts'

describe('a misspelled option', () => {
  it.each([
    [['check', '--jsn'], '(Did you mean --json?)'],
    [['check', '--min-idl=5m'], '(Did you mean --min-idle?)'],
    [['check', '--databse=shop'], '(Did you mean --database?)'],
    [['check', '-json'], '(Did you mean --json?)'],
    [['terminate', '--idle', '5m'], '(Did you mean --idle-in-transaction?)'],
    [['terminate', '--dryrun', '--pid', '1'], '(Did you mean --dry-run?)'],
    [['migrate', '--lock', '5s', '--', 'true'], '(Did you mean --lock-timeout?)'],
    [['--json', 'check'], '(Options come after the command.)'],
  ])('%j: %s', async (args, suggestion) => {
    const { code, err } = await pgLifeguard(args)
    expect(err).toContain("error: unknown option '-")
    expect(err).toContain(suggestion)
    expect(code).toBe(exitCode.usage)
  })

  it('that is like none is not explained', () => {
    expect(withSuggestion("error: unknown option '--colour'", ['--json'])).toBe(
      "error: unknown option '--colour'",
    )
  })

  it('that may mean several names them all', () => {
    const known = longNames([{ flags: '--min-idle <duration>' }, { flags: '--terminate-idle <duration>' }])
    expect(withSuggestion("error: unknown option '--idle'\n", known)).toBe(
      "error: unknown option '--idle'\n(Did you mean one of --min-idle, --terminate-idle?)\n",
    )
  })
})

it('leaves values of options that are known, and the command that is run, as they are', () => {
  const args = ['--url=postgres://h/d', '--ulr=x', '--', 'tool', '--strange=1']
  expect(withoutValuesOfUnknown(args, ['--url'])).toEqual([
    '--url=postgres://h/d',
    '--ulr',
    '--',
    'tool',
    '--strange=1',
  ])
})
