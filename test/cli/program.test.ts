import { describe, expect, it } from 'vitest'
import { exitCode, pgLifeguard } from './command-line.ts'

describe('the command line', () => {
  it('explains itself', async () => {
    const { code, out } = await pgLifeguard(['check', '--help'], { columns: 100 })
    expect(code).toBe(exitCode.clean)
    expect(out).toContain('--min-idle <duration>')
    expect(out).toContain('Exit codes:')
    expect((await pgLifeguard(['help', 'check'])).out).toBe((await pgLifeguard(['check', '-h'])).out)
    expect((await pgLifeguard(['--version'])).out).toMatch(/^\d+\.\d+\.\d+$/)
  })

  it.each([
    [['chek'], '(Did you mean check?)'],
    [['check', '--jsn'], '(Did you mean --json?)'],
    [['check', '--min-idle', '30'], 'It must be a duration such as 500ms, 30s, 5m, 2h or 1d.'],
    [['check', '--query-text', 'all'], 'Allowed choices are redacted, full, none.'],
    [['check', 'extra'], 'too many arguments'],
    [['check', '--url', 'localhost'], 'url must look like postgres://user@host:5432/database'],
  ])('refuses %j and says what is wrong', async (args, message) => {
    const { code, out, err } = await pgLifeguard(args)
    expect(err).toContain(message)
    expect(out).toBe('')
    expect(code).toBe(exitCode.usage)
  })

  it('tells that there is no connection, without the password', async () => {
    const { code, err } = await pgLifeguard(['check'], { url: 'postgres://app:hunter22@127.0.0.1:1/shop' })
    expect(code).toBe(exitCode.noConnection)
    expect(err).toMatchInlineSnapshot(`
      "pg-lifeguard: database shop at 127.0.0.1:1 as app: connect ECONNREFUSED 127.0.0.1:1 (ECONNREFUSED)
      check that the server is running and listens on this address"
    `)
  })

  it.each([['-v'], ['-V'], ['--version']])('%s prints the version', async (flag) => {
    const { code, out } = await pgLifeguard([flag])
    expect(out).toMatch(/^\d+\.\d+\.\d+$/)
    expect(code).toBe(exitCode.clean)
  })
})
