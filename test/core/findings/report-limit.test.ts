import { describe, expect, it } from 'vitest'
import type { Finding, FindingKind } from '../../../src/core/findings/finding.ts'
import { ReportLimit } from '../../../src/core/findings/report-limit.ts'
import { manualClock } from '../../../src/core/time/clock.ts'
import { Announcer } from '../../../src/guard/announcer.ts'
import { consoleReporter, jsonLinesReporter } from '../../../src/index.ts'
import { sampleFinding } from '../../reporters/sample-findings.ts'

const nth = (n: number, kind: FindingKind = 'idle-transaction', more: Partial<Finding> = {}) =>
  sampleFinding({ id: `f${n}`, kind, fingerprint: `${kind} ${n}`, ...more })

function limited(perMinute: number | false, clock = manualClock()) {
  const told: string[] = []
  return { clock, told, limit: new ReportLimit(perMinute, clock, (message) => told.push(message)) }
}

describe('a limit of reports', () => {
  it('admits so many a minute, and says at its end what was left out', () => {
    const { clock, told, limit } = limited(3)
    const admitted = Array.from({ length: 10 }, (_, n) =>
      limit.admits('finding', nth(n, n < 8 ? 'idle-transaction' : 'long-hold')),
    )
    expect(admitted.filter(Boolean)).toHaveLength(3)
    clock.advance(59_999)
    expect(told).toEqual([])
    clock.advance(1)
    expect(told).toEqual([
      '7 findings were not reported, more than 3 a minute: 5 idle-transaction, 2 long-hold',
    ])
    expect(limit.admits('finding', nth(11))).toBe(true)
    clock.advance(120_000)
    expect(told).toHaveLength(1)
  })

  it('does not let resolve what was not reported', () => {
    const { limit } = limited(1)
    expect(limit.admits('finding', nth(1))).toBe(true)
    expect(limit.admits('finding', nth(2))).toBe(false)
    expect(limit.admits('resolved', nth(1))).toBe(true)
    expect(limit.admits('remedied', nth(2))).toBe(false)
    expect(limit.admits('resolved', nth(2))).toBe(false)
  })

  it('remembers the last thousand that it left out', () => {
    const { limit } = limited(1)
    for (let n = 0; n <= 1001; n += 1) limit.admits('finding', nth(n))
    expect(limit.admits('resolved', nth(1))).toBe(true)
    expect(limit.admits('resolved', nth(2))).toBe(false)
    expect(limit.admits('resolved', nth(1001))).toBe(false)
  })

  it('counts no repetition that reporters leave out anyway', () => {
    const { limit } = limited(1)
    for (let n = 3; n < 9; n++)
      expect(limit.admits('finding', nth(n, 'long-hold', { occurrences: n }))).toBe(true)
    expect(limit.admits('finding', nth(1))).toBe(true)
    expect(limit.admits('finding', nth(2))).toBe(false)
  })

  it('is one for all lifeguards of a clock', () => {
    const one = limited(2)
    const other = limited(2, one.clock)
    expect(one.limit.admits('finding', nth(1))).toBe(true)
    expect(other.limit.admits('finding', nth(2))).toBe(true)
    expect(one.limit.admits('finding', nth(3))).toBe(false)
    expect(other.limit.admits('finding', nth(4))).toBe(false)
    one.clock.advance(60_000)
    expect([one.told, other.told]).toEqual([
      ['1 finding was not reported, more than 2 a minute: 1 idle-transaction'],
      ['1 finding was not reported, more than 2 a minute: 1 idle-transaction'],
    ])
  })

  it('can be switched off', () => {
    const { limit } = limited(false)
    for (let n = 0; n < 1_000; n++) expect(limit.admits('finding', nth(n))).toBe(true)
  })
})

describe('reporters in a storm', () => {
  it('are told the rest as a count, but for those that count themselves', () => {
    const clock = manualClock()
    const texts: string[] = []
    const lines: string[] = []
    const announcer = new Announcer(
      [
        consoleReporter({ stream: { write: (text) => texts.push(text) } }),
        jsonLinesReporter({ stream: { write: (text) => lines.push(text) } }),
      ],
      60,
      clock,
    )
    const listened: string[] = []
    announcer.on('finding', ({ id }) => listened.push(id))
    for (let n = 0; n < 5_000; n++) {
      const finding = nth(n)
      announcer.finding({ data: () => finding } as never)
    }
    announcer.close()
    expect(texts).toHaveLength(61)
    expect(texts.at(-1)).toContain(
      '4940 findings were not reported, more than 60 a minute: 4940 idle-transaction',
    )
    expect(listened).toHaveLength(5_000)
    expect(lines.filter((line) => line.includes('"event":"finding"'))).toHaveLength(5_000)
  })
})
