import { describe, expect, it } from 'vitest'
import type { HoldStatistics, Statistics } from '../../src/index.ts'
import { jsonLinesReporter, loggerReporter } from '../../src/index.ts'
import { consoleReporter } from '../../src/reporters/console.ts'
import { statisticsText } from '../../src/reporters/statistics-text.ts'
import { readPage } from '../docs/page.ts'

const held = (figures: Partial<HoldStatistics>): HoldStatistics => ({
  checkouts: 0,
  heldMillis: 0,
  busyMillis: 0,
  busyShare: 0,
  outsideMillis: 0,
  p50Millis: 0,
  p95Millis: 0,
  p99Millis: 0,
  maxMillis: 0,
  ...figures,
})
const same = (millis: number) => ({
  p50Millis: millis,
  p95Millis: millis,
  p99Millis: millis,
  maxMillis: millis,
})
const line = (file: string, lineNumber: number) => ({
  file: `${process.cwd()}/src/routes/${file}`,
  line: lineNumber,
  column: 5,
})
const report = held({
  checkouts: 20,
  heldMillis: 82_000,
  busyMillis: 820,
  busyShare: 0.01,
  outsideMillis: 82_000,
  ...same(4_100),
})
const orders = held({ checkouts: 460, heldMillis: 5_520, busyMillis: 2_318, busyShare: 0.42, ...same(12) })

const statistics: Statistics = {
  since: 1_767_225_600_000,
  pools: [
    {
      pool: 'main',
      ...held({
        checkouts: 480,
        heldMillis: 87_520,
        busyMillis: 3_138,
        busyShare: 0.036,
        outsideMillis: 82_000,
      }),
      p50Millis: 12,
      p95Millis: 20,
      p99Millis: 4_100,
      maxMillis: 4_100,
      recommended: { holdMillis: 20_000, max: 7 },
    },
  ],
  origins: [
    { pool: 'main', origin: line('report.ts', 7), ...report },
    { pool: 'main', origin: line('orders.ts', 9), ...orders },
  ],
  scopes: [
    {
      pool: 'main',
      scope: { kind: 'request', name: 'GET /report\u001b[2J' },
      ...report,
      recommended: { idleTransactionMillis: 20_000 },
    },
  ],
  estimated: true,
}

describe('statistics as text', () => {
  it('are the tables that the documentation shows', () => {
    const page = readPage('docs/observability.md').text
    const [, shown = ''] = /<!-- statistics -->\n```text\n([\s\S]*?)```/.exec(page) ?? []
    expect(shown).not.toBe('')
    expect(statisticsText(statistics)).toContain(shown)
  })

  it('line up, say what is recommended and what is an estimate, and steer no terminal', () => {
    const text = statisticsText(statistics)
    const [head = '', row = ''] = text.split('\n')
    expect(row).toHaveLength(head.length)
    expect(text).toContain('Recommended for pool main: { holdMillis: 20000, max: 7 }')
    expect(text).toMatch(/^Recommended for request GET \/report.*: { idleTransactionMillis: 20000 }$/m)
    expect(text).toContain('estimated from a sample')
    expect(text).not.toContain('\u001b')
    expect(text).toContain('request GET /report')
  })

  it('name the pool of a line where there are several, and fold what is beyond the twentieth', () => {
    const rows = Array.from({ length: 25 }, (_, n) => ({
      pool: n % 2 === 0 ? 'main' : 'reports',
      origin: line('orders.ts', n),
      ...orders,
    }))
    const text = statisticsText({ ...statistics, origins: rows })
    expect(text).toContain('src/routes/orders.ts:1:5, pool reports')
    expect(text).toContain('... and 5 more')
    expect(text).not.toContain('orders.ts:21')
  })

  it('say so when nothing was checked out', () => {
    expect(statisticsText({ ...statistics, pools: [] })).toBe('no client has been checked out\n')
  })
})

describe('reporters', () => {
  it('tell them in their own way', () => {
    const lines: string[] = []
    const stream = { write: (text: string) => lines.push(text) }
    consoleReporter({ stream }).statistics?.(statistics)
    expect(lines.join('')).toContain(statisticsText(statistics))
    lines.length = 0
    jsonLinesReporter({ stream }).statistics?.(statistics)
    expect(JSON.parse(lines.join(''))).toEqual({ event: 'statistics', ...statistics })
    const logged: unknown[][] = []
    const log = (...args: unknown[]) => logged.push(args)
    loggerReporter({ error: log, warn: log, info: log }).statistics?.(statistics)
    expect(logged).toEqual([['pg-lifeguard: how long clients were held', { statistics }]])
  })
})
