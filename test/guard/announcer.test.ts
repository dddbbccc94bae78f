import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest'
import type { FindingRecord } from '../../src/core/findings/finding-record.ts'
import { Announcer } from '../../src/guard/announcer.ts'
import { createLifeguard, type Finding, manualClock, OptionError, type Reporter } from '../../src/index.ts'
import { pretendedPool } from '../core/pretended-pool.ts'

type Told = [event: string, id: string | undefined, outcome?: string]

/** An announcer whose words are written down, in order, and findings to announce. */
function announcing(reporters: readonly Reporter[] = []) {
  const pretended = pretendedPool()
  const announcer = new Announcer(reporters)
  const told: Told[] = []
  for (const event of ['finding', 'remedied', 'resolved'] as const) {
    announcer.on(event, ({ id, outcome }) => {
      told.push(outcome === undefined ? [event, id] : [event, id, outcome])
    })
  }
  function find(): FindingRecord {
    const record = pretended.open(pretended.checkOut('/app/users.ts:12:3'))
    if (record === undefined) throw new Error('a new checkout has no finding yet')
    return record
  }
  return { announcer, pretended, told, find }
}

/** Warnings are written down instead of printed; one test lets a real one through. */
let warn: MockInstance<typeof process.emitWarning>
beforeEach(() => {
  warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
})
afterEach(() => {
  warn.mockRestore()
})

/** A rejection is noticed some microtasks later. */
async function warningsSoFar(): Promise<string[]> {
  await new Promise<void>((resolve) => setImmediate(resolve))
  return warn.mock.calls.map(([message]) => String(message).split('\n')[0] ?? '')
}

describe('a finding', () => {
  it('is told at once where there is no remedy to wait for', () => {
    const { announcer, told, find } = announcing()
    const record = find()
    announcer.finding(record)
    expect(told).toEqual([['finding', record.id]])
  })

  it('is told once its remedy is done, together with what it came to', async () => {
    const { announcer, told, find } = announcing()
    const record = find()
    let finish = () => {}
    const remedy = new Promise<void>((resolve) => {
      finish = resolve
    }).then(() => record.remedied('rolled-back', undefined))
    announcer.finding(record, remedy)
    await Promise.resolve()
    expect(told).toEqual([])
    finish()
    await remedy
    await Promise.resolve()
    expect(told).toEqual([['finding', record.id, 'rolled-back']])
  })

  it('that was told is told of again when a remedy acts later', () => {
    const { announcer, told, find } = announcing()
    const record = find()
    announcer.finding(record)
    record.remedied('destroyed', 'rolled back first, and still held one limit later')
    announcer.remedied(record)
    expect(told).toEqual([
      ['finding', record.id],
      ['remedied', record.id, 'destroyed'],
    ])
  })

  it('is told before it resolves, however slow its remedy', async () => {
    const { announcer, told, find } = announcing()
    const record = find()
    let finish = () => {}
    const remedy = new Promise<void>((resolve) => {
      finish = resolve
    })
    announcer.finding(record, remedy)
    announcer.resolved(record)
    expect(told).toEqual([
      ['finding', record.id],
      ['resolved', record.id],
    ])
    finish()
    await remedy
    await Promise.resolve()
    expect(told.map(([event]) => event)).toEqual(['finding', 'resolved', 'remedied'])
  })

  it('is frozen plain data for everybody', () => {
    const { announcer, find } = announcing()
    let seen: Finding | undefined
    announcer.on('finding', (finding) => {
      seen = finding
    })
    announcer.finding(find())
    expect(Object.isFrozen(seen)).toBe(true)
    expect(JSON.parse(JSON.stringify(seen))).toEqual(seen)
  })
})

describe('listeners', () => {
  it('hear nothing more once they are taken off, and the others go on', () => {
    const { announcer, find } = announcing()
    const listener = vi.fn()
    const other = vi.fn()
    const off = announcer.on('finding', listener)
    announcer.on('finding', other)
    announcer.finding(find())
    off()
    off()
    announcer.finding(find())
    expect(listener).toHaveBeenCalledTimes(1)
    expect(other).toHaveBeenCalledTimes(2)
  })

  it('may take themselves off while they are called', () => {
    const { announcer, find } = announcing()
    const calls: string[] = []
    const off = announcer.on('finding', () => {
      calls.push('once')
      off()
    })
    announcer.on('finding', () => calls.push('always'))
    announcer.finding(find())
    announcer.finding(find())
    expect(calls).toEqual(['once', 'always', 'always'])
  })

  it.each<[unknown, unknown, string]>([
    ['findings', () => {}, "on(event) must be 'finding', 'remedied' or 'resolved', got \"findings\""],
    ['toString', () => {}, "on(event) must be 'finding', 'remedied' or 'resolved', got \"toString\""],
    [undefined, () => {}, "on(event) must be 'finding', 'remedied' or 'resolved', got undefined"],
    ['finding', undefined, 'on(event, listener) must be a function, got undefined'],
    ['finding', 'listener', 'on(event, listener) must be a function, got "listener"'],
    ['finding', {}, 'on(event, listener) must be a function, got an object'],
  ])('are refused where they would never be called: %o, %o', (event, listener, message) => {
    const { announcer } = announcing()
    const listen = () => announcer.on(event as 'finding', listener as () => void)
    expect(listen).toThrow(OptionError)
    expect(listen).toThrow(message)
  })
})

describe('a listener or reporter that fails', () => {
  const failures: [string, () => unknown, string][] = [
    [
      'throws',
      () => {
        throw new Error('broken listener')
      },
      'broken listener',
    ],
    ['rejects', () => Promise.reject(new Error('broken later')), 'broken later'],
    [
      'throws a text',
      () => {
        const text: unknown = 'a mere text'
        throw text
      },
      'a mere text',
    ],
    [
      'throws nothing at all',
      () => {
        const nothing: unknown = undefined
        throw nothing
      },
      'undefined',
    ],
    [
      'throws what has no text',
      () => {
        throw Object.create(null)
      },
      'a reporter or listener failed',
    ],
    [
      'rejects with what has no text',
      () => Promise.reject(Object.create(null)),
      'a reporter or listener failed',
    ],
    [
      'returns something like a promise that rejects',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: promises of other libraries look like this
        then: (_resolve: unknown, reject?: (reason: unknown) => void) =>
          reject?.(new Error('broken thenable')),
      }),
      '',
    ],
  ]

  it.each(failures)('that %s is warned of, and stops nobody', async (_how, fail, reason) => {
    const reporter: Reporter = { finding: fail, remedied: fail, resolved: fail, info: fail }
    const quiet = vi.fn()
    const { announcer, told, find } = announcing([reporter, { finding: quiet }])
    announcer.on('finding', fail as () => void)
    const last = vi.fn()
    announcer.on('finding', last)
    const record = find()
    announcer.finding(record)
    announcer.remedied(record)
    announcer.resolved(record)
    announcer.info('a word')
    expect(told.map(([event]) => event)).toEqual(['finding', 'remedied', 'resolved'])
    expect(quiet).toHaveBeenCalledTimes(1)
    expect(last).toHaveBeenCalledTimes(1)
    const warned = await warningsSoFar()
    if (reason !== '') {
      expect(warned).toHaveLength(5)
      for (const message of warned) expect(message).toContain(reason)
    }
  })

  it('is warned of under a code that can be filtered by', async () => {
    warn.mockRestore()
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    const { announcer, find } = announcing()
    announcer.on('finding', () => {
      throw new Error('broken listener')
    })
    announcer.finding(find())
    expect(await warned).toMatchObject({
      name: 'LifeguardWarning',
      code: 'LIFEGUARD_LISTENER',
      message: expect.stringMatching(/^a reporter or listener failed: Error: broken listener\n/),
    })
  })

  it('does not stop the sweep of a lifeguard', async () => {
    const clock = manualClock()
    const told: string[] = []
    const lifeguard = createLifeguard({
      clock,
      limits: { holdMillis: 1000 },
      reporters: [
        {
          finding() {
            throw new Error('broken reporter')
          },
        },
        { finding: ({ pool }) => told.push(pool) },
      ],
    })
    lifeguard.on('finding', () => {
      throw new Error('broken listener')
    })
    const pools = ['one', 'two'].map((name) => {
      const pool = { connect: async () => ({ query() {}, release() {} }), query: async () => {} }
      lifeguard.watch(pool, { name })
      return pool
    })
    for (const pool of pools) await pool.connect()
    clock.advance(1200)
    await pools[0]?.connect()
    clock.advance(1200)
    expect(told).toEqual(['one', 'two', 'one'])
    await lifeguard.close()
  })
})

it('tells reporters what they have ears for', () => {
  const { announcer, find } = announcing([{ finding() {} }])
  const record = find()
  expect(() => {
    announcer.remedied(record)
    announcer.resolved(record)
    announcer.info('a word')
  }).not.toThrow()
})

it('calls reporters as methods of what they are', () => {
  class CountingReporter implements Reporter {
    count = 0
    finding(): void {
      this.count += 1
    }
  }
  const reporter = new CountingReporter()
  const { announcer, find } = announcing([reporter])
  announcer.finding(find())
  expect(reporter.count).toBe(1)
})
