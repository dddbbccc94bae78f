import { describe, expect, it } from 'vitest'
import { systemClock } from '../src/core/time/clock.ts'
import { createLifeguard, type LifeguardOptions, manualClock, OptionError } from '../src/index.ts'
import { resolveOptions } from '../src/options.ts'
import { failure } from './option-failure.ts'

describe('without options', () => {
  it('observes, with the documented limits, on the console', () => {
    const settings = resolveOptions()
    expect(settings).toMatchObject({
      mode: 'observe',
      limits: {
        idleTransactionMillis: 10_000,
        transactionMillis: 60_000,
        holdMillis: 30_000,
        acquireWaitMillis: 5_000,
        scopeGraceMillis: 1_000,
      },
      queryText: 'redacted',
      clock: systemClock,
    })
    expect(settings.reporters).toHaveLength(1)
  })

  it('reports every kind and touches no client', () => {
    expect(new Set(Object.values(resolveOptions().remedies))).toEqual(new Set(['report']))
  })

  it('takes undefined for what is not given', () => {
    const nothing = { mode: undefined, limits: undefined, remedies: undefined, queryText: undefined }
    const defaulted = { ...nothing, clock: undefined, context: undefined }
    const given = { ...defaulted, reporters: [] } as unknown as LifeguardOptions
    const { context, ...settings } = resolveOptions(given)
    expect(settings).toEqual({ ...resolveOptions(), context: undefined, reporters: [] })
    expect(context.run('a scope', () => context.current())).toBe('a scope')
    expect(resolveOptions({ limits: { holdMillis: undefined } as never }).limits.holdMillis).toBe(30_000)
  })
})

describe("in mode 'enforce'", () => {
  it('each kind has its documented remedy', () => {
    expect(resolveOptions({ mode: 'enforce' }).remedies).toEqual({
      'idle-transaction': 'rollback',
      'long-transaction': 'report',
      'long-hold': 'report',
      'outlived-scope': 'destroy',
      'dirty-release': 'rollback',
      'busy-release': 'destroy',
      'double-release': 'refuse',
      'use-after-release': 'refuse',
      'session-state': 'reset',
      'lost-commit': 'report',
      'session-killed': 'report',
      'nested-acquire': 'report',
      'pool-deadlock': 'report',
      'pool-exhausted': 'report',
      'blocked-shutdown': 'destroy',
    })
  })

  it('a remedy given for one kind changes that kind only', () => {
    const remedies = resolveOptions({ mode: 'enforce', remedies: { 'idle-transaction': 'report' } }).remedies
    expect(remedies).toEqual({
      ...resolveOptions({ mode: 'enforce' }).remedies,
      'idle-transaction': 'report',
    })
  })
})

describe('what is unknown or cannot work', () => {
  it.each<[unknown, string]>([
    [null, 'options must be an object, got null'],
    [[], 'options must be an object, got an array of 0'],
    ['enforce', 'options must be an object, got "enforce"'],
    [7, 'options must be an object, got 7'],
    [() => ({}), 'options must be an object, got function (anonymous)'],
    [{ modus: 'enforce' }, 'unknown option modus; did you mean mode? (got "enforce")'],
    [{ Mode: 'enforce' }, 'unknown option Mode; did you mean mode? (got "enforce")'],
    [{ mode: 'enforced' }, 'mode must be "observe" or "enforce", got "enforced"'],
    [{ mode: '' }, 'mode must be "observe" or "enforce", got ""'],
    [{ mode: null }, 'mode must be "observe" or "enforce", got null'],
    [{ mode: true }, 'mode must be "observe" or "enforce", got true'],
    [{ limits: 30_000 }, 'limits must be an object, got 30000'],
    [{ limits: null }, 'limits must be an object, got null'],
    [{ limits: [1] }, 'limits must be an object, got an array of 1'],
    [{ limits: { hold: 1 } }, 'unknown option limits.hold; did you mean limits.holdMillis? (got 1)'],
    [{ remedies: 'rollback' }, 'remedies must be an object, got "rollback"'],
    [{ remedies: null }, 'remedies must be an object, got null'],
    [
      { remedies: { 'idle-in-transaction': 'rollback' } },
      'unknown option remedies.idle-in-transaction; did you mean remedies.idle-transaction? (got "rollback")',
    ],
    [
      { remedies: { 'long-hold': 'rollback' } },
      'remedies.long-hold must be "report" or "destroy", got "rollback"',
    ],
    [{ remedies: { 'lost-commit': 'destroy' } }, 'remedies.lost-commit must be "report", got "destroy"'],
    [{ remedies: { 'long-hold': null } }, 'remedies.long-hold must be "report" or "destroy", got null'],
    [{ remedies: { 'long-hold': false } }, 'remedies.long-hold must be "report" or "destroy", got false'],
    [{ reporters: { finding() {} } }, 'reporters must be an array of reporters, got an object'],
    [{ reporters: null }, 'reporters must be an array of reporters, got null'],
    [{ reporters: [null] }, 'reporters[0] must be an object with a method finding(finding), got null'],
    [
      { reporters: [{ finding() {} }, { report() {} }] },
      'reporters[1] must be an object with a method finding(finding), got an object',
    ],
    [
      { reporters: [function report() {}] },
      'reporters[0] must be an object with a method finding(finding), got function report',
    ],
    [{ handles: 'proxied' }, 'handles must be "raw" or "checked", got "proxied"'],
    [{ sessionState: true }, 'sessionState must be an object or false, got true'],
    [
      { sessionState: { verfy: true } },
      'unknown option sessionState.verfy; did you mean sessionState.verify? (got true)',
    ],
    [{ sessionState: { verify: 1 } }, 'sessionState.verify must be true or false, got 1'],
    [{ sessionState: { ignore: 'role' } }, 'sessionState.ignore must be an array of names, got "role"'],
    [{ sessionState: { ignore: ['role', ''] } }, 'sessionState.ignore[1] must be a name, got ""'],
    [{ reportsPerMinute: 0 }, 'reportsPerMinute must be a positive whole number or false, got 0'],
    [{ tag: 'orders' }, 'tag must be an object, got "orders"'],
    [{ tag: {} }, 'tag.application must be a string that is not empty, got undefined'],
    [
      { tag: { application: 'orders', origins: true } },
      'unknown option tag.origins; did you mean tag.origin? (got true)',
    ],
    [{ tag: { application: 'orders', route: 1 } }, 'tag.route must be true or false, got 1'],
    [{ queryText: 'all' }, 'queryText must be "full", "redacted" or "none", got "all"'],
    [{ queryText: false }, 'queryText must be "full", "redacted" or "none", got false'],
    [{ queryText: null }, 'queryText must be "full", "redacted" or "none", got null'],
    [{ clock: Date }, 'clock must be an object, got function Date'],
    [{ clock: {} }, 'clock.now must be a function, got undefined'],
    [{ clock: { ...manualClock(), schedule: 5 } }, 'clock.schedule must be a function, got 5'],
    [{ context: null }, 'context must be an object, got null'],
    [{ context: new Map() }, 'context.current must be a function, got undefined'],
    [{ context: { current() {}, run: true } }, 'context.run must be a function, got true'],
  ])('are refused: %o, by %j', (options, message) => {
    const error = failure(options)
    expect(error.message).toBe(message)
    expect(error.code).toBe('LIFEGUARD_OPTION')
    expect(message.replace('unknown option ', '').startsWith(error.option)).toBe(true)
  })

  it('is refused however long it is, in a message of one line', () => {
    const { message } = failure({ mode: 'enforce\n'.repeat(10_000) })
    expect(message.length).toBeLessThan(200)
    expect(message).not.toContain('\n')
  })
})

describe('a polluted Object.prototype', () => {
  const polluted = Object.prototype as unknown as Record<string, unknown>

  it('switches nothing on, and nothing off', () => {
    const usual = resolveOptions({ reporters: [] })
    const names = {
      ...{ mode: 'enforce', queryText: 'full', handles: 'checked', statistics: true, reportsPerMinute: 1 },
      ...{ holdMillis: 1, 'long-hold': 'destroy', verify: true, ignore: ['role'], sessionState: false },
    }
    Object.assign(polluted, names)
    try {
      for (const options of [undefined, {}, { limits: {}, remedies: {}, sessionState: {} }]) {
        const { reporters: _console, context: _context, ...settings } = resolveOptions(options)
        expect(settings.mode).toBe('observe')
        expect(settings.limits).toEqual(usual.limits)
        expect(settings.remedies).toEqual(usual.remedies)
        expect(settings.sessionState).toEqual(usual.sessionState)
        expect(settings.queryText).toBe('redacted')
        expect(settings.handles).toBe('raw')
        expect(settings.statistics).toBe(false)
        expect(settings.reportsPerMinute).toBe(60)
      }
    } finally {
      for (const name of Object.keys(names)) delete polluted[name]
    }
  })
})

describe('settings', () => {
  it('do not change when the caller changes the options', () => {
    const reporters = [{ finding() {} }]
    const limits = { holdMillis: 1000 }
    const remedies: { 'long-hold': 'destroy' | 'report' } = { 'long-hold': 'destroy' }
    const settings = resolveOptions({ limits, remedies, reporters })
    reporters.length = 0
    limits.holdMillis = 5
    remedies['long-hold'] = 'report'
    expect(settings.reporters).toHaveLength(1)
    expect(settings.limits.holdMillis).toBe(1000)
    expect(settings.remedies['long-hold']).toBe('destroy')
  })

  it('do not change the options', () => {
    const options = Object.freeze({
      limits: Object.freeze({ holdMillis: 1000 }),
      remedies: Object.freeze({}),
    })
    expect(() => resolveOptions(options)).not.toThrow()
  })
})

describe('watch', () => {
  const pool = () => ({ connect: async () => ({ query() {} }), query: async () => {} })
  const lifeguard = () => createLifeguard({ clock: manualClock(), reporters: [] })

  it('names pools in order unless it is told a name', () => {
    const guard = lifeguard()
    guard.watch(pool())
    guard.watch(pool(), { name: 'main' })
    guard.watch(pool(), {})
    expect(guard.snapshot().pools.map(({ name }) => name)).toEqual(['pool', 'main', 'pool-3'])
  })

  it.each<[unknown, string]>([
    [{ name: 7 }, 'watch.name must be'],
    [{ name: '' }, 'watch.name must be'],
    [{ name: null }, 'watch.name must be'],
    [{ label: 'main' }, 'unknown option watch.label; known are name (got "main")'],
    [null, 'watch(pool, options) must be an object, got null'],
    ['main', 'watch(pool, options) must be an object, got "main"'],
  ])('refuses %o', (options, message) => {
    const guard = lifeguard()
    expect(() => guard.watch(pool(), options as never)).toThrow(OptionError)
    expect(() => guard.watch(pool(), options as never)).toThrow(message)
    expect(guard.snapshot().pools).toEqual([])
  })
})

describe('exempt', () => {
  const guard = createLifeguard({ clock: manualClock(), reporters: [] })

  it.each([undefined, null, 7, 'client', {}, () => {}])('refuses %o as a client', (client) => {
    expect(() => guard.exempt(client as never, 'LISTEN')).toThrow(OptionError)
    expect(() => guard.exempt(client as never, 'LISTEN')).toThrow('exempt(client) must be a client, got ')
  })

  it.each([undefined, null, 7, '', '  '])('refuses %o as a reason', (reason) => {
    const client = { query() {} }
    expect(() => guard.exempt(client, reason as never)).toThrow(OptionError)
    expect(() => guard.exempt(client, reason as never)).toThrow('must be a string that says why')
  })
})
