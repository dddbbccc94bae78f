import { describe, expect, it } from 'vitest'
import { parseCount, parseDuration, parsePid, parseTimeout } from '../../src/cli/option-values.ts'
import { exitCode, pgLifeguard } from './command-line.ts'

describe('values on the command line', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['5min', 300_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['0', 0],
  ])('%s is %i ms', (text, millis) => expect(parseDuration(text)).toBe(millis))

  it.each(['30', '', 's', '-5s', '5 s', '5x', '1e3s', 'Infinitys'])('%j is no duration', (text) =>
    expect(() => parseDuration(text)).toThrow('It must be a duration'),
  )

  it('10d is the longest time that is waited for', () => {
    expect(parseTimeout('10d')).toBe(864_000_000)
    expect(() => parseTimeout('25d')).toThrow('It must be 10d or shorter.')
  })

  it.each([
    ['check', '--connect-timeout'],
    ['watch', '--interval'],
    ['terminate', '--wait'],
    ['migrate', '--lock-timeout'],
  ])('%s %s is none that no timer can wait for', async (command, option) => {
    const { code, err } = await pgLifeguard([command, option, '30d', '--', 'true'])
    expect(err).toMatch(
      new RegExp(`option '${option} .*' argument '30d' is invalid. It must be 10d or shorter.`),
    )
    expect(code).toBe(exitCode.usage)
  })

  it('connecting may take some time', async () => {
    const { code, err } = await pgLifeguard(['check', '--connect-timeout', '0'])
    expect(err).toContain(
      "option '--connect-timeout <duration>' argument '0' is invalid. It must be longer than 0.",
    )
    expect(code).toBe(exitCode.usage)
  })

  it.each(['0', '-1', '1.5', 'x', '', '4294967296', '1;DROP'])('%j is no pid', (text) =>
    expect(() => parsePid(text)).toThrow('It must be the process id'),
  )

  it('a count is a whole number', () => {
    expect(parseCount('12')).toBe(12)
    for (const text of ['-1', '1.5', '', 'x', '1234567']) {
      expect(() => parseCount(text)).toThrow('It must be a whole number.')
    }
  })
})
