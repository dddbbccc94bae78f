import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import pino from 'pino'
import { describe, expect, it } from 'vitest'
import {
  type Finding,
  type Holder,
  jsonLinesReporter,
  loggerReporter,
  type Origin,
  type Statistics,
} from '../../src/index.ts'
import { compactFinding, compactMessage, compactStatistics, cut } from '../../src/reporters/log-line.ts'
import { root } from '../docs/page.ts'
import { sampleFinding } from './sample-findings.ts'

const lineBytes = 8_192

const schema = JSON.parse(readFileSync(join(root, 'schema/finding.json'), 'utf8'))
const isValid = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema)

/** Ten frames, most of them of dependencies, as an application has them. */
function deepOrigin(name: string): Origin {
  const own = { file: `/srv/app/current/src/routes/${name}.ts`, line: 120, column: 29, functionName: name }
  const foreign = Array.from({ length: 8 }, (_, depth) => ({
    file: `/srv/app/current/node_modules/express/node_modules/router/lib/layer-${depth}.js`,
    line: 152,
    column: 17,
    functionName: 'Layer.handleRequest',
  }))
  return { ...own, frames: [own, ...foreign, { ...own, line: 7 }] }
}

function holder(index: number): Holder {
  return {
    ...sampleFinding().checkout,
    id: index,
    pid: 4000 + index,
    heldMillis: 60_000 - index,
    lastQuery: `SELECT a.id, a.name, b.total FROM accounts a JOIN balances b ON b.account = a.id WHERE a.id = ? ${'AND x = ? '.repeat(20)}`,
    origin: deepOrigin(`listOrders${index}`),
    transactionOrigin: deepOrigin(`begin${index}`),
    scope: {
      kind: 'request',
      name: `GET /organizations/:organization/orders/${index}`,
      id: '7f0c1e9a-3b5d-4e0e-9a54-2f0f8f1f3c55',
      attributes: { user: 'ada', tenant: 'analytics' },
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
    },
  }
}

/** As an incident makes it. */
const exhausted = sampleFinding({
  kind: 'pool-exhausted',
  origin: deepOrigin('orders'),
  transactionOrigin: deepOrigin('begin'),
  hint: 'a caller has been waiting for 5 s: 20 of 20 clients are checked out',
  holders: Array.from({ length: 20 }, (_, index) => holder(index)),
})

/** Nothing in it is of a reasonable length. */
const monster: Finding = sampleFinding({
  ...exhausted,
  pool: 'ß'.repeat(5_000),
  hint: '\u0001'.repeat(50_000),
  fingerprint: 'f'.repeat(50_000),
  aftermath: 'a'.repeat(50_000),
  outcomeDetail: '"'.repeat(50_000),
  left: Array.from({ length: 1_000 }, () => '€'.repeat(500)),
  checkout: {
    ...sampleFinding().checkout,
    lastQuery: '\u{1f600}'.repeat(5_000),
    exemption: 'x'.repeat(5_000),
  },
  origin: { ...deepOrigin('x'), file: `/${'deep/'.repeat(2_000)}x.ts`, functionName: 'f'.repeat(9_000) },
  scope: {
    kind: 'k'.repeat(9_000),
    name: 'n'.repeat(9_000),
    id: 'i'.repeat(9_000),
    attributes: Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`a${at}`, 'v'.repeat(500)])),
  },
  holders: Array.from({ length: 20 }, (_, index) => ({ ...holder(index), exemption: '\u0001'.repeat(900) })),
})

const bytesOf = (data: object) => Buffer.byteLength(JSON.stringify(data))

describe('a finding of an exhausted pool with twenty holders', () => {
  const compact = compactFinding(exhausted)

  it('was far beyond a line, and fits one', () => {
    expect(bytesOf(exhausted)).toBeGreaterThan(30_000)
    expect(bytesOf(compact)).toBeLessThan(lineBytes)
  })

  it('still names every holder: its line, its route, how long, in what state', () => {
    expect(compact.holders).toHaveLength(20)
    compact.holders?.forEach((one, index) => {
      expect(one).toMatchObject({
        pid: 4000 + index,
        heldMillis: 60_000 - index,
        transaction: 'open',
        origin: { file: `/srv/app/current/src/routes/listOrders${index}.ts`, line: 120, frames: [] },
        scope: { kind: 'request', name: `GET /organizations/:organization/orders/${index}` },
      })
    })
  })

  it('has frames of the user alone', () => {
    expect(JSON.stringify(compact)).not.toContain('node_modules')
    expect(compact.origin?.frames.map(({ line }) => line)).toEqual([120, 7])
  })

  it('keeps what it is, and the schema', () => {
    const { holders: _holders, origin: _origin, transactionOrigin: _begin, ...rest } = exhausted
    expect(compact).toMatchObject(rest)
    expect(isValid(JSON.parse(JSON.stringify(compact)))).toBe(true)
  })

  it('keeps what is known of its lines', () => {
    const inexact = { ...exhausted, origin: { ...deepOrigin('orders'), callersVary: true } }
    const begun = { ...deepOrigin('begin'), isUsual: true }
    expect(compactFinding({ ...inexact, transactionOrigin: begun })).toMatchObject({
      origin: { callersVary: true },
      transactionOrigin: { isUsual: true },
    })
  })
})

describe('any finding', () => {
  it('stays as it is where it is short', () => {
    expect(compactFinding(sampleFinding())).toEqual(sampleFinding())
  })

  it('fits, however long its parts are, and keeps the schema', () => {
    const compact = compactFinding(monster)
    expect(bytesOf(compact)).toBeLessThan(lineBytes)
    expect(compact).toMatchObject({ id: monster.id, kind: monster.kind, certainty: monster.certainty })
    expect(isValid(JSON.parse(JSON.stringify(compact)))).toBe(true)
  })

  it('is not changed itself', () => {
    const before = JSON.stringify(exhausted)
    compactFinding(exhausted)
    expect(JSON.stringify(exhausted)).toBe(before)
  })
})

describe('a line', () => {
  it.each([
    ['an exhausted pool', exhausted],
    ['a monster', monster],
  ])('through pino stays under 8 kB: %s', (_what, finding) => {
    const lines: string[] = []
    const reporter = loggerReporter(pino({}, { write: (line: string) => lines.push(line) }))
    reporter.finding(finding)
    reporter.remedied?.(finding)
    reporter.resolved?.({ ...finding, resolution: 'r'.repeat(9_000) })
    reporter.info?.('i'.repeat(9_000))
    expect(lines).toHaveLength(4)
    expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).toBeLessThan(lineBytes)
  })

  it.each([
    ['an exhausted pool', exhausted],
    ['a monster', monster],
  ])('of JSON stays under 8 kB: %s', (_what, finding) => {
    const lines: string[] = []
    const reporter = jsonLinesReporter({ stream: { write: (line: string) => lines.push(line) } })
    reporter.finding(finding)
    reporter.resolved?.({ ...finding, resolution: 'r'.repeat(9_000) })
    expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).toBeLessThan(lineBytes)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ event: 'finding', kind: 'pool-exhausted' })
  })
})

describe('statistics', () => {
  const row = {
    ...{ pool: 'main', checkouts: 1, heldMillis: 1.25, busyMillis: 1, busyShare: 0.5, outsideMillis: 0 },
    ...{ p50Millis: 1, p95Millis: 2, p99Millis: 3, maxMillis: 4 },
  }
  const statistics: Statistics = {
    since: 0,
    estimated: false,
    pools: [{ ...row, recommended: {} }],
    origins: Array.from({ length: 200 }, (_, line) => ({
      ...row,
      origin: { file: '/a.ts', line, column: 1 },
    })),
    scopes: Array.from({ length: 200 }, (_, at) => ({
      ...row,
      scope: { kind: 'request', name: `GET /${at}` },
      recommended: {},
    })),
  }

  it('have the rows that are longest held, as many as fit', () => {
    const compact = compactStatistics(statistics)
    expect(bytesOf(compact)).toBeLessThan(lineBytes)
    expect(compact.origins.length).toBeGreaterThanOrEqual(5)
    expect(compact.origins).toEqual(statistics.origins.slice(0, compact.origins.length))
    expect(compact.pools).toEqual(statistics.pools)
  })

  it('stay as they are where they are short', () => {
    const short = { ...statistics, origins: statistics.origins.slice(0, 2), scopes: [] }
    expect(compactStatistics(short)).toEqual(short)
  })
})

it('a message is cut by its bytes, and not inside a character that is whole', () => {
  expect(compactMessage('a short message')).toBe('a short message')
  const long = compactMessage(`a${'€'.repeat(5_000)}`)
  expect(Buffer.byteLength(long)).toBeLessThan(620)
  expect(long).toMatch(/^a€+\.\.\.$/)
})

it('a text that is cut says so', () => {
  expect([cut('abc', 3), cut('abcd', 3)]).toEqual(['abc', 'abc...'])
})
