import { describe, expect, it } from 'vitest'
import { findingKinds } from '../../src/index.ts'
import { resolveOptions } from '../../src/options.ts'
import { presets } from '../../src/register/presets.ts'
import { optionVariables, readVariables } from '../../src/register/variables.ts'

describe('a variable', () => {
  it.each<[string, string, object]>([
    ['LIFEGUARD_MODE', 'enforce', { mode: 'enforce' }],
    ['LIFEGUARD_IDLE_TRANSACTION', '10s', { limits: { idleTransactionMillis: 10_000 } }],
    ['LIFEGUARD_HOLD', 'off', { limits: { holdMillis: false } }],
    ['LIFEGUARD_REMEDY_LONG_HOLD', 'destroy', { remedies: { 'long-hold': 'destroy' } }],
    ['LIFEGUARD_REPORTS_PER_MINUTE', '5', { reportsPerMinute: 5 }],
    ['LIFEGUARD_REPORTS_PER_MINUTE', 'off', { reportsPerMinute: false }],
    ['LIFEGUARD_QUERY_TEXT', 'none', { queryText: 'none' }],
    ['LIFEGUARD_HANDLES', 'checked', { handles: 'checked' }],
    ['LIFEGUARD_SESSION_STATE', 'off', { sessionState: false }],
    ['LIFEGUARD_SESSION_STATE_VERIFY', 'true', { sessionState: { verify: true } }],
    [
      'LIFEGUARD_SESSION_STATE_IGNORE',
      'app.tenant, channel',
      { sessionState: { ignore: ['app.tenant', 'channel'] } },
    ],
    ['LIFEGUARD_TAG_APPLICATION', 'orders', { tag: { application: 'orders' } }],
    ['LIFEGUARD_STATISTICS', 'on', { statistics: true }],
    ['LIFEGUARD_REPORT_STATISTICS', 'close,SIGUSR2', { reportStatistics: ['close', 'SIGUSR2'] }],
    [
      'LIFEGUARD_EXEMPT',
      '[{ "statement": "LISTEN jobs", "reason": "queue" }]',
      { exempt: [{ statement: 'LISTEN jobs', reason: 'queue' }] },
    ],
  ])('is an option: %s=%s', (name, value, options) => {
    const read = readVariables({ [name]: value, PATH: '/bin' })
    expect(read).toMatchObject({ options, reporter: 'console', given: [[name, value]] })
    expect(() => resolveOptions(read.options)).not.toThrow()
  })

  it('that is empty counts as not set, and one of the command line is left to it', () => {
    expect(readVariables({ LIFEGUARD_MODE: '', LIFEGUARD_TOKEN: 'secret' })).toMatchObject({
      options: {},
      given: [],
    })
  })

  it.each([
    ['LIFEGUARD_MODE', 'enforced', 'LIFEGUARD_MODE must be "observe" or "enforce", got "enforced"'],
    ['LIFEGUARD_HOLD', '30', 'LIFEGUARD_HOLD must be a duration such as 500ms, 10s or 2m, or off, got "30"'],
    ['LIFEGUARD_HOLD', '0s', 'LIFEGUARD_HOLD must be a duration such as 500ms, 10s or 2m, or off, got "0s"'],
    ['LIFEGUARD_STATISTICS', 'maybe', 'LIFEGUARD_STATISTICS must be true or false, got "maybe"'],
    ['LIFEGUARD_REPORTER', 'pino', 'LIFEGUARD_REPORTER must be "console", "json" or "none", got "pino"'],
    ['LIFEGUARD_EXEMPT', 'listen', 'LIFEGUARD_EXEMPT must be an array in JSON, got "listen"'],
    [
      'LIFEGUARD_REMEDY_LONG_HOLD',
      'rollback',
      'LIFEGUARD_REMEDY_LONG_HOLD must be "report" or "destroy", got "rollback"',
    ],
    [
      'LIFEGUARD_IDLE_TRANSACTON',
      '5s',
      'unknown variable LIFEGUARD_IDLE_TRANSACTON; did you mean LIFEGUARD_IDLE_TRANSACTION? (got "5s")',
    ],
  ])('that is wrong is refused by name and value: %s=%s', (name, value, message) => {
    expect(() => readVariables({ [name]: value })).toThrow(message)
  })

  it('exists for each option that text can give, once', () => {
    const names = optionVariables.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const kind of findingKinds)
      expect(names).toContain(`LIFEGUARD_REMEDY_${kind.replaceAll('-', '_').toUpperCase()}`)
  })
})

describe('a preset', () => {
  it.each(Object.keys(presets))('is valid: %s', (preset) => {
    expect(() => resolveOptions(readVariables({ LIFEGUARD_PRESET: preset }).options)).not.toThrow()
  })

  it('gives way to variables, one by one', () => {
    const { options, reporter } = readVariables({
      LIFEGUARD_PRESET: 'test',
      LIFEGUARD_HOLD: '9s',
      LIFEGUARD_REPORTER: 'json',
    })
    expect(reporter).toBe('json')
    expect(options).toEqual({
      ...presets.test.options,
      limits: { ...presets.test.options.limits, holdMillis: 9_000 },
    })
  })
})
