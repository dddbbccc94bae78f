import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { consoleReporter, type Finding, OptionError } from '../../src/index.ts'
import { obeyed, sampleFinding, steering, without } from './sample-findings.ts'

/** When the sample was found; the system's clock says the same. */
const time = '2026-01-01T00:00:11Z'

beforeEach(() => {
  vi.useFakeTimers({ now: sampleFinding().openedAt, toFake: ['Date'] })
  vi.stubEnv('NO_COLOR', undefined)
  vi.stubEnv('FORCE_COLOR', undefined)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

function reporting(stream: { isTTY?: boolean; columns?: number; hasColors?: () => boolean } = {}) {
  const writes: string[] = []
  const reporter = consoleReporter({ stream: { write: (text: string) => writes.push(text), ...stream } })
  return { reporter, writes, text: () => writes.join('') }
}

const { origin } = sampleFinding()
if (origin === undefined) throw new Error('the sample has an origin')
const place = origin

describe('the source of a checkout', () => {
  it('is shown once, as far as the last hundred checkouts are remembered', () => {
    const { reporter, writes } = reporting()
    const line = { file: import.meta.filename, line: 1, column: 1 }
    const shows = (id: number) => {
      const { checkout } = sampleFinding()
      reporter.finding(sampleFinding({ checkout: { ...checkout, id }, origin: { ...line, frames: [line] } }))
      return writes.at(-1)?.includes('import { afterEach') === true
    }
    for (let id = 0; id < 101; id += 1) expect(shows(id)).toBe(true)
    expect(shows(1)).toBe(false)
    expect(shows(0)).toBe(true)
  })
})

describe('repeats of one line', () => {
  it('name a route that is new', () => {
    const { reporter, text } = reporting()
    const from = (name: string, occurrences: number) =>
      reporter.finding(sampleFinding({ occurrences, scope: { kind: 'request', name } }))
    from('GET /a', 1)
    const first = text()
    from('GET /a', 3)
    from('GET /b', 4)
    from('GET /b', 5)
    expect(text().slice(first.length)).toBe(
      `${time} pg-lifeguard: idle-transaction at /app/src/orders.ts:12:29 again: 4 times so far, now in request GET /b\n`,
    )
  })

  it('are counted, not repeated: the second, the tenth, the hundredth', () => {
    const { reporter, writes } = reporting()
    for (let occurrences = 1; occurrences <= 120; occurrences++)
      reporter.finding(sampleFinding({ occurrences }))
    const [first, ...counts] = writes
    expect(first).toContain('suspected: idle-transaction in pool main')
    expect(counts).toEqual([
      `${time} pg-lifeguard: idle-transaction at /app/src/orders.ts:12:29 again: 2 times so far\n`,
      `${time} pg-lifeguard: idle-transaction at /app/src/orders.ts:12:29 again: 10 times so far\n`,
      `${time} pg-lifeguard: idle-transaction at /app/src/orders.ts:12:29 again: 100 times so far\n`,
    ])
  })

  it('clear quietly; only the first is told to have cleared', () => {
    const { reporter, writes } = reporting()
    const resolution = 'released after 41.2 s'
    for (const occurrences of [1, 2, 3]) reporter.resolved?.(sampleFinding({ occurrences, resolution }))
    expect(writes).toEqual([
      `${time} pg-lifeguard: resolved idle-transaction at /app/src/orders.ts:12:29: released after 41.2 s\n`,
    ])
  })
})

describe('what comes after a report', () => {
  it.each<[Partial<Finding>, string]>([
    [{ outcome: 'rolled-back' }, 'the transaction was rolled back'],
    [{ outcome: 'destroyed' }, 'the session was destroyed, its slot is free'],
    [
      { outcome: 'destroyed', outcomeDetail: 'ROLLBACK failed: no answer within 2 s' },
      'the session was destroyed, its slot is free (ROLLBACK failed: no answer within 2 s)',
    ],
  ])('is told in one line: %o', (differing, what) => {
    const { reporter, text } = reporting()
    reporter.remedied?.(sampleFinding(differing))
    expect(text()).toBe(
      `${time} pg-lifeguard: remedied idle-transaction at /app/src/orders.ts:12:29: ${what}\n`,
    )
  })

  it('is told as remedied also if it has cleared already', () => {
    const { reporter, text } = reporting()
    reporter.remedied?.(sampleFinding({ outcome: 'destroyed', resolution: 'released after 41.2 s' }))
    expect(text()).toMatch(/^\S+ pg-lifeguard: remedied .*: the session was destroyed, its slot is free\n$/)
  })

  it('has no place where none is known', () => {
    const { reporter, text } = reporting()
    reporter.resolved?.(without(sampleFinding({ resolution: 'released' }), 'origin'))
    expect(text()).toBe(`${time} pg-lifeguard: resolved idle-transaction: released\n`)
  })
})

describe('the time', () => {
  it('stands before every report, in UTC: when it was found, when it cleared, or now', () => {
    const { reporter, writes } = reporting()
    vi.setSystemTime(Date.UTC(2026, 0, 2))
    const resolvedAt = Date.UTC(2026, 0, 1, 13)
    reporter.finding(sampleFinding())
    reporter.finding(sampleFinding({ occurrences: 2 }))
    reporter.resolved?.(sampleFinding({ resolution: 'released', resolvedAt }))
    reporter.remedied?.(sampleFinding({ outcome: 'destroyed' }))
    reporter.info?.('pool main: no lock_timeout')
    expect(writes.map((text) => text.trim().split(' ', 2))).toEqual([
      ['2026-01-01T00:00:11Z', 'pg-lifeguard:'],
      ['2026-01-01T00:00:11Z', 'pg-lifeguard:'],
      ['2026-01-01T13:00:00Z', 'pg-lifeguard:'],
      ['2026-01-02T00:00:00Z', 'pg-lifeguard:'],
      ['2026-01-02T00:00:00Z', 'pg-lifeguard:'],
    ])
  })

  it('has a line of its own where the terminal is too narrow', () => {
    const { reporter, writes } = reporting({ columns: 60 })
    reporter.finding(sampleFinding())
    expect(writes[0]).toMatch(
      /^\n2026-01-01T00:00:11Z\npg-lifeguard: suspected: idle-transaction in pool main\n/,
    )
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 8.64e15 + 1])(
    'of a clock that says %d costs no report',
    (openedAt) => {
      const { reporter, text } = reporting()
      reporter.finding(sampleFinding({ openedAt }))
      expect(text()).toContain('unknown time pg-lifeguard: suspected: idle-transaction')
    },
  )
})

describe('advice', () => {
  it('is one line', () => {
    const { reporter, text } = reporting()
    reporter.info?.('pool main: no lock_timeout')
    expect(text()).toBe(`${time} pg-lifeguard: pool main: no lock_timeout\n`)
  })

  it('can be switched off', () => {
    const write = vi.fn()
    consoleReporter({ stream: { write }, info: false }).info?.('pool main: no lock_timeout')
    expect(write).not.toHaveBeenCalled()
  })
})

describe('a report', () => {
  it('does without the source where it cannot be read', () => {
    const { reporter, text } = reporting()
    reporter.finding(sampleFinding())
    expect(text()).toContain('  checked out at /app/src/orders.ts:12:29 in showOrder\n\n  server pid 4711, ')
  })

  it('says so where no line is known, and still tells state and statement', () => {
    const { reporter, text } = reporting()
    reporter.finding(without(sampleFinding(), 'origin'))
    expect(text()).toContain('\n  line unknown: a library between your code and the pool has lost it\n')
    expect(text()).toContain('server pid 4711')
    expect(text()).toContain('last query: SELECT id FROM orders WHERE note = ?')
  })

  it('names the line of BEGIN where only that is known', () => {
    const { reporter, text } = reporting()
    reporter.finding(without(sampleFinding({ transactionOrigin: place }), 'origin'))
    expect(text()).toContain('  transaction opened at /app/src/orders.ts:12:29 in showOrder\n')
  })

  it('names the caller, and where the transaction was opened if that is elsewhere', () => {
    const { reporter, text } = reporting()
    const dependency = { file: '/app/node_modules/express/router.js', line: 1, column: 1 }
    const caller = { file: '/app/src/server.ts', line: 80, column: 5, functionName: 'handler' }
    reporter.finding(
      sampleFinding({
        origin: { ...place, frames: [place, dependency, caller] },
        transactionOrigin: { ...place, line: 60 },
      }),
    )
    expect(text()).toContain('  called from /app/src/server.ts:80:5 in handler\n')
    expect(text()).toContain('  transaction opened at /app/src/orders.ts:60:29 in showOrder\n')
    expect(text()).not.toContain('node_modules')
  })

  it('says of a caller whether it is that of other checkouts', () => {
    const caller = { file: '/app/src/server.ts', line: 80, column: 5, functionName: 'handler' }
    const origin = { ...place, frames: [place, caller] }
    const { reporter, text } = reporting()
    reporter.finding(sampleFinding({ origin: { ...origin, callersVary: false } }))
    expect(text()).toContain('  usually called from /app/src/server.ts:80:5 in handler\n')
    reporter.finding(sampleFinding({ fingerprint: 'other', origin: { ...origin, callersVary: true } }))
    expect(text()).toContain('  called from several places, such as /app/src/server.ts:80:5 in handler\n')
  })

  it('says that the line of BEGIN is the usual one, if it is that of other transactions', () => {
    const { reporter, text } = reporting()
    reporter.finding(
      sampleFinding({ origin: place, transactionOrigin: { ...place, line: 60, isUsual: true } }),
    )
    expect(text()).toContain('  transaction usually opened at /app/src/orders.ts:60:29 in showOrder\n')
  })

  it('says of a caller who waits that it asked, not that it has', () => {
    const { reporter, text } = reporting()
    const { checkout } = sampleFinding()
    reporter.finding(
      sampleFinding({
        kind: 'pool-exhausted',
        checkout: { ...checkout, phase: 'waiting', transaction: 'idle', heldMillis: 0 },
      }),
    )
    expect(text()).not.toContain('checked out at')
    expect(text()).toContain('/app/src/orders.ts:12:29 in showOrder')
  })

  it('cannot steer the terminal, whatever comes from the database, the file system or the application', () => {
    const { reporter, text } = reporting()
    const frame = { ...place, file: `/app/${steering}.ts`, functionName: `f${steering}` }
    const { checkout } = sampleFinding()
    const hostile = sampleFinding({
      pool: `main${steering}`,
      hint: `the connection was lost (${steering})`,
      checkout: { ...checkout, lastQuery: `SELECT ${steering}` },
      origin: { ...frame, frames: [frame, { ...frame, line: 1 }] },
      transactionOrigin: { ...frame, line: 99, frames: [] },
      eventOrigin: { ...frame, line: 7, frames: [] },
      holders: [
        { via: 'connect', lastQuery: steering, exemption: steering, origin: { ...frame, frames: [] } },
      ],
      outcome: 'destroyed',
      outcomeDetail: `ROLLBACK failed: ${steering}`,
    })
    reporter.finding(hostile)
    reporter.finding({ ...hostile, occurrences: 2 })
    reporter.remedied?.(hostile)
    reporter.resolved?.({ ...hostile, resolution: `exempted: ${steering}` })
    reporter.info?.(`pool ${steering}: no lock_timeout`)
    expect(text().length).toBeGreaterThan(1000)
    expect(obeyed.test(text())).toBe(false)
  })

  it('is wrapped to the width of the terminal, and not where there is none', () => {
    const narrow = reporting({ columns: 60 })
    narrow.reporter.finding(sampleFinding({ hint: 'a hint of several words '.repeat(10).trim() }))
    const lines = narrow.text().split('\n')
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(60)

    const wide = reporting()
    wide.reporter.finding(sampleFinding({ hint: 'a hint of several words '.repeat(10).trim() }))
    expect(wide.text()).toContain(`\n  ${'a hint of several words '.repeat(10).trim()}\n`)
  })

  it('keeps a statement of several lines inside its place', () => {
    const { reporter, text } = reporting()
    const { checkout } = sampleFinding()
    reporter.finding(
      sampleFinding({ checkout: { ...checkout, lastQuery: 'SELECT id\nFROM orders\n-- end' } }),
    )
    const lines = text()
      .split('\n')
      .filter((line) => line !== '')
    expect(lines.slice(1).every((line) => line.startsWith('  '))).toBe(true)
  })
})

describe('colours', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
  const color = /\u001b\[\d+m/

  it.each<[string, { isTTY?: boolean; hasColors?: () => boolean }, Record<string, string>, boolean]>([
    ['on a terminal', { isTTY: true, hasColors: () => true }, {}, true],
    ['not in a file', {}, {}, false],
    ['not on a terminal without them', { isTTY: true, hasColors: () => false }, {}, false],
    ['not with NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }, false],
    ['in a file with FORCE_COLOR', {}, { FORCE_COLOR: '1' }, true],
    ['not with FORCE_COLOR=0', { isTTY: true }, { FORCE_COLOR: '0' }, false],
  ])('are used %s', (_where, stream, env, colored) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
    const { reporter, text } = reporting(stream)
    reporter.finding(sampleFinding())
    expect(color.test(text())).toBe(colored)
  })

  it('change nothing but the colour', () => {
    const plain = reporting()
    const colored = reporting({ isTTY: true })
    const finding = sampleFinding({ certainty: 'certain', outcome: 'rolled-back' })
    for (const { reporter } of [plain, colored]) {
      reporter.finding(finding)
      reporter.finding({ ...finding, occurrences: 2 })
      reporter.resolved?.({ ...finding, resolution: 'released' })
      reporter.info?.('advice')
    }
    expect(colored.text()).not.toBe(plain.text())
    expect(colored.text().replaceAll(new RegExp(color, 'g'), '')).toBe(plain.text())
  })
})

describe('options that cannot work', () => {
  it.each<[unknown, string]>([
    [{ steam: 'stderr' }, 'unknown option consoleReporter.steam; did you mean consoleReporter.stream? (got '],
    [{ stream: 'stderr' }, 'consoleReporter.stream must have a method write, got "stderr"'],
    [{ stream: null }, 'consoleReporter.stream must have a method write, got null'],
    [{ stream: 7 }, 'consoleReporter.stream must have a method write, got 7'],
    [{ stream: {} }, 'consoleReporter.stream must have a method write, got an object'],
    [{ stream: { write: 'text' } }, 'consoleReporter.stream must have a method write, got an object'],
    [{ info: 'no' }, 'consoleReporter.info must be true or false, got "no"'],
    [null, 'consoleReporter(options) must be an object, got null'],
  ])('are refused: %o', (options, message) => {
    const make = () => consoleReporter(options as never)
    expect(make).toThrow(OptionError)
    expect(make).toThrow(message)
  })
})

it('goes to stderr where no stream is given', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  consoleReporter().finding(sampleFinding())
  expect(write).toHaveBeenCalled()
})
