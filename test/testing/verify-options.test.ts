import { describe, expect, it } from 'vitest'
import { readOptions } from '../../src/core/options/read.ts'
import { OptionError } from '../../src/index.ts'
import { type LeakCheckOptions, leakCheckOptions } from '../../src/testing/leak-check.ts'
import { verifyNoneOptions } from '../../src/testing/verify-options.ts'
import { type VerifyServiceOptions, verifyServiceOptions } from '../../src/testing/verify-service.ts'

describe.each([
  ['verifyNone', verifyNoneOptions],
  ['leakCheck', leakCheckOptions],
  ['verifyService', verifyServiceOptions],
] as const)('the options of %s', (_name, table) => {
  const read = (options: unknown) => readOptions(table as typeof verifyNoneOptions, options as object)

  it('ignore nothing and wait half a second, by default', () => {
    expect(read({})).toMatchObject({ ignore: [], settleMillis: 500 })
  })

  it.each([
    [{ settleMillis: -1 }, 'settleMillis must be a number of milliseconds from 0 to 60000, got -1'],
    [{ settleMillis: '1 s' }, 'settleMillis must be a number of milliseconds from 0 to 60000, got "1 s"'],
    [{ settle: 5 }, 'unknown option settle; did you mean settleMillis? (got 5)'],
    [{ ignore: {} }, 'ignore must be an array of rules, got an object'],
    [{ ignore: [{ origin: '' }] }, 'ignore[0].origin must be a string or a RegExp, got ""'],
    [
      { ignore: [{ orign: 'x' }] },
      'unknown option ignore[0].orign; did you mean ignore[0].origin? (got "x")',
    ],
  ])('refuse %j', (options, message) => {
    expect(() => read(options)).toThrow(OptionError)
    expect(() => read(options)).toThrow(message)
  })
})

describe('the options of leakCheck alone', () => {
  it.each([
    [{ baseline: '' }, 'baseline must be a path, got ""'],
    [{ onLeak: true }, 'onLeak must be a function, got true'],
    [{ unendedPools: 'warn' }, 'unendedPools must be "tell", "fail" or "ignore", got "warn"'],
  ])('refuse %j', (options, message) => {
    expect(() => readOptions(leakCheckOptions, options as LeakCheckOptions)).toThrow(message)
  })
})

describe('the options of verifyService alone', () => {
  it.each([
    [{ token: ' ' }, 'token must be a string that is not empty, got a string without visible characters'],
    [{ tokens: 'hunter2' }, 'unknown option tokens; did you mean token? (got a string that is not shown)'],
    [{ withinMillis: 0 }, 'withinMillis must be a positive number of milliseconds, got 0'],
  ])('refuse %j, and show no token', (options, message) => {
    expect(() => readOptions(verifyServiceOptions, options as VerifyServiceOptions)).toThrow(message)
  })
})
