import pino from 'pino'
import { describe, expect, it } from 'vitest'
import { type LoggerLike, loggerReporter, OptionError } from '../../src/index.ts'
import { obeyed, sampleFinding, steering, without } from './sample-findings.ts'

type Call = [level: string, ...args: unknown[]]

/** A logger that writes its calls down, with the further methods that tell which kind it is. */
function noting(further: object = {}): { logger: LoggerLike; calls: Call[] } {
  const calls: Call[] = []
  const level =
    (name: string) =>
    (...args: unknown[]) => {
      calls.push([name, ...args])
    }
  return { logger: { error: level('error'), warn: level('warn'), info: level('info'), ...further }, calls }
}

const resolved = sampleFinding({ resolution: 'released after 41.2 s', resolvedAt: 1_767_225_651_000 })

describe('a logger that takes the message first (the console, winston, loglevel)', () => {
  it('gets a suspicion as a warning, with the finding as a structure', () => {
    const { logger, calls } = noting()
    const finding = sampleFinding()
    loggerReporter(logger).finding(finding)
    expect(calls).toEqual([
      [
        'warn',
        'pg-lifeguard: suspected idle-transaction at /app/src/orders.ts:12:29: neither COMMIT nor ROLLBACK followed the last statement for 10 s',
        { finding },
      ],
    ])
  })

  it('gets a leak as an error, with what was done', () => {
    const { logger, calls } = noting()
    const finding = sampleFinding({
      kind: 'dirty-release',
      certainty: 'certain',
      hint: 'released between BEGIN and COMMIT',
      outcome: 'rolled-back',
    })
    loggerReporter(logger).finding(finding)
    expect(calls).toEqual([
      [
        'error',
        'pg-lifeguard: leak dirty-release at /app/src/orders.ts:12:29: released between BEGIN and COMMIT [rolled-back]',
        { finding },
      ],
    ])
  })

  it.each(['double-release', 'lost-commit'] as const)('gets a %s as an error, and as a leak', (kind) => {
    const { logger, calls } = noting()
    loggerReporter(logger).finding(sampleFinding({ kind, certainty: 'certain' }))
    expect(calls[0]?.[0]).toBe('error')
    expect(calls[0]?.[1]).toMatch(new RegExp(`^pg-lifeguard: leak ${kind} at `))
  })

  it('gets a session-killed as a warning, since it is no mistake of the program', () => {
    const { logger, calls } = noting()
    loggerReporter(logger).finding(sampleFinding({ kind: 'session-killed', certainty: 'certain' }))
    expect(calls[0]?.[0]).toBe('warn')
    expect(calls[0]?.[1]).toMatch(/^pg-lifeguard: session-killed at /)
  })

  it('gets a second release, which is over when it is told, with its cause', () => {
    const { logger, calls } = noting()
    const finding = sampleFinding({
      kind: 'double-release',
      certainty: 'certain',
      hint: 'released twice',
      resolution: 'it happened once',
    })
    loggerReporter(logger).finding(finding)
    expect(calls[0]?.[1]).toContain('released twice')
    expect(calls[0]?.[1]).not.toContain('resolved')
  })

  it('gets what a remedy did later as a warning', () => {
    const { logger, calls } = noting()
    const finding = sampleFinding({ outcome: 'destroyed', outcomeDetail: 'still held one limit later' })
    loggerReporter(logger).remedied?.(finding)
    expect(calls[0]?.[0]).toBe('warn')
    expect(calls[0]?.[1]).toBe(
      'pg-lifeguard: remedied idle-transaction at /app/src/orders.ts:12:29 [destroyed: still held one limit later]',
    )
    expect(calls[0]?.[2]).toEqual({ finding })
  })

  it('gets what has cleared as info', () => {
    const { logger, calls } = noting()
    loggerReporter(logger).resolved?.(resolved)
    expect(calls).toEqual([
      [
        'info',
        'pg-lifeguard: resolved idle-transaction at /app/src/orders.ts:12:29: released after 41.2 s',
        { finding: resolved },
      ],
    ])
  })

  it('gets advice as info', () => {
    const { logger, calls } = noting()
    loggerReporter(logger).info?.('pool main: no lock_timeout')
    expect(calls).toEqual([['info', 'pg-lifeguard: pool main: no lock_timeout']])
  })

  it('gets the pool where no line is known', () => {
    const { logger, calls } = noting()
    loggerReporter(logger).finding(without(sampleFinding(), 'origin'))
    expect(calls[0]?.[1]).toMatch(/^pg-lifeguard: suspected idle-transaction in pool main: /)
  })

  it('gets the line of BEGIN where only that is known', () => {
    const { logger, calls } = noting()
    const { origin } = sampleFinding()
    if (origin === undefined) throw new Error('the sample has an origin')
    const finding = without(sampleFinding({ transactionOrigin: { ...origin, line: 99 } }), 'origin')
    loggerReporter(logger).finding(finding)
    expect(calls[0]?.[1]).toContain('at /app/src/orders.ts:99:29')
  })

  it('gets repeats counted: the second, the tenth, the hundredth', () => {
    const { logger, calls } = noting()
    const reporter = loggerReporter(logger)
    for (let occurrences = 1; occurrences <= 150; occurrences++) {
      reporter.finding(sampleFinding({ occurrences }))
      reporter.resolved?.({ ...resolved, occurrences })
    }
    const told = calls.filter(([level]) => level === 'warn').map(([, message]) => String(message))
    expect(told.map((message) => /\((\d+) times\)/.exec(message)?.[1])).toEqual([undefined, '2', '10', '100'])
    expect(calls.filter(([level]) => level === 'info')).toHaveLength(4)
  })

  it('gets messages that cannot steer a terminal', () => {
    const { logger, calls } = noting()
    const { origin } = sampleFinding()
    if (origin === undefined) throw new Error('the sample has an origin')
    const file = `/app/${steering}.ts`
    const finding = sampleFinding({
      hint: `the connection was lost (${steering})`,
      origin: { ...origin, file },
    })
    const reporter = loggerReporter(logger)
    reporter.finding(finding)
    reporter.resolved?.({ ...finding, resolution: `exempted: ${steering}` })
    reporter.info?.(`pool ${steering}`)
    for (const [, message] of calls) expect(message).not.toMatch(obeyed)
    expect(calls).toHaveLength(3)
  })

  it('is called as itself: loggers are classes', () => {
    class Logger {
      readonly lines: unknown[] = []
      error(...args: unknown[]) {
        this.lines.push(args)
      }
      warn(...args: unknown[]) {
        this.lines.push(args)
      }
      info(...args: unknown[]) {
        this.lines.push(args)
      }
    }
    const logger = new Logger()
    loggerReporter(logger).finding(sampleFinding())
    expect(logger.lines).toHaveLength(1)
  })
})

describe('a logger that takes the structure first', () => {
  it.each([
    ['pino', { bindings: () => ({}) }],
    ['bunyan', { addStream() {} }],
  ])('is known by its shape: %s', (_name, further) => {
    const { logger, calls } = noting(further)
    const finding = sampleFinding()
    loggerReporter(logger).finding(finding)
    expect(calls).toEqual([['warn', { finding }, expect.stringMatching(/^pg-lifeguard: suspected/)]])
  })

  it('pino writes what it is given, at its own levels', () => {
    const lines: Record<string, unknown>[] = []
    const logger = pino(
      { base: null, timestamp: false },
      { write: (text: string) => lines.push(JSON.parse(text)) },
    )
    const reporter = loggerReporter(logger.child({ component: 'pool' }))
    const finding = sampleFinding()
    const leak = sampleFinding({ certainty: 'certain' })
    reporter.finding(finding)
    reporter.finding(leak)
    reporter.resolved?.(resolved)
    reporter.info?.('pool main: no lock_timeout')
    expect(lines).toMatchObject([
      { level: 40, component: 'pool', finding, msg: expect.stringMatching(/^pg-lifeguard: suspected/) },
      { level: 50, component: 'pool', finding: leak, msg: expect.stringMatching(/^pg-lifeguard: leak/) },
      {
        level: 30,
        component: 'pool',
        finding: resolved,
        msg: expect.stringMatching(/^pg-lifeguard: resolved/),
      },
      { level: 30, component: 'pool', msg: 'pg-lifeguard: pool main: no lock_timeout' },
    ])
    expect(lines[3]).not.toHaveProperty('finding')
  })
})

describe('what is no logger', () => {
  it.each([undefined, null, 'console', {}, { error() {}, warn() {} }, { error() {}, warn() {}, info: true }])(
    'is refused: %o',
    (logger) => {
      expect(() => loggerReporter(logger as unknown as LoggerLike)).toThrow(OptionError)
      expect(() => loggerReporter(logger as unknown as LoggerLike)).toThrow(
        'loggerReporter(logger) must have the methods error, warn and info, got ',
      )
    },
  )
})
