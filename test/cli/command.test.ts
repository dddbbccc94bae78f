import { expect, it } from 'vitest'
import { check } from '../../src/cli/check/command.ts'
import { UsageError } from '../../src/cli/command.ts'
import { parsePid } from '../../src/cli/option-values.ts'
import { exitCode, pgLifeguard } from './command-line.ts'

it('a usage error of a value is shown with the option and the value', async () => {
  expect(() => parsePid('all')).toThrow(UsageError)
  const { code, err, out } = await pgLifeguard(['terminate', '--pid', 'all'])
  expect(err).toContain("option '--pid <pid>' argument 'all' is invalid. It must be the process id")
  expect(out).toBe('')
  expect(code).toBe(exitCode.usage)
})

it('a usage error of a command is shown with the program, before anything is connected to', async () => {
  const nowhere = { url: 'postgres://app@127.0.0.1:1/shop' }
  const { code, err } = await pgLifeguard(['terminate', '--yes'], nowhere)
  expect(err).toBe('pg-lifeguard: Give exactly one of --pid, --idle-in-transaction and --blocking.')
  expect(code).toBe(exitCode.usage)
})

it('help has what a command says of itself: options with their defaults, and examples', async () => {
  const { out } = await pgLifeguard(['check', '--help'], { columns: 1_000 })
  for (const { flags, description, default: preset } of check.options) {
    const line = out.split('\n').find((one) => one.trimStart().startsWith(`${flags} `))
    expect(line).toContain(description)
    if (preset !== undefined) expect(line).toContain(`default: ${preset})`)
  }
  for (const [command, purpose] of check.examples) expect(out).toContain(`  ${command}\n      ${purpose}`)
})
