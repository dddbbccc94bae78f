import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  createLifeguard,
  type Finding,
  jsonLinesReporter,
  manualClock,
  OptionError,
} from '../../src/index.ts'
import { compactFinding } from '../../src/reporters/log-line.ts'
import { sampleFinding, steering } from './sample-findings.ts'

function reporting() {
  const written: string[] = []
  const reporter = jsonLinesReporter({ stream: { write: (text: string) => written.push(text) } })
  return { reporter, written }
}

describe('JSON lines', () => {
  it('are one per event, each with the whole finding', () => {
    const { reporter, written } = reporting()
    const found = sampleFinding()
    const remedied = sampleFinding({ outcome: 'rolled-back' })
    const resolved = sampleFinding({ resolution: 'released after 41.2 s', resolvedAt: 1_767_225_651_000 })
    reporter.finding(found)
    reporter.remedied?.(remedied)
    reporter.resolved?.(resolved)
    reporter.info?.('pool main: no lock_timeout')
    expect(written.every((line) => line.endsWith('\n') && line.indexOf('\n') === line.length - 1)).toBe(true)
    expect(written.map((line) => JSON.parse(line))).toEqual([
      { event: 'finding', ...found },
      { event: 'remedied', ...remedied },
      { event: 'resolved', ...resolved },
      { event: 'info', message: 'pool main: no lock_timeout' },
    ])
  })

  it('leave out no repeat, so that a program can count', () => {
    const { reporter, written } = reporting()
    for (let occurrences = 1; occurrences <= 30; occurrences++)
      reporter.finding(sampleFinding({ occurrences }))
    expect(written.map((line) => JSON.parse(line).occurrences)).toEqual(
      Array.from({ length: 30 }, (_, index) => index + 1),
    )
  })

  it('stay lines whatever is in the finding', () => {
    const { reporter, written } = reporting()
    const finding = sampleFinding({ pool: `a\n"b"\u2028${steering}`, hint: 'one\r\ntwo' })
    reporter.finding(finding)
    reporter.info?.('one\ntwo')
    expect(written.join('').split('\n')).toHaveLength(3)
    expect(JSON.parse(written[0] ?? '')).toEqual({ event: 'finding', ...finding })
  })

  it('equal what listeners of the same guard are told, in short', async () => {
    const { reporter, written } = reporting()
    const clock = manualClock()
    const lifeguard = createLifeguard({ clock, reporters: [reporter] })
    const heard: { event: string; finding: Finding }[] = []
    for (const event of ['finding', 'remedied', 'resolved'] as const) {
      lifeguard.on(event, (finding) => heard.push({ event, finding }))
    }
    const pool = {
      connect: async () => ({ query() {}, release() {} }),
      query: async () => {},
      options: {},
    }
    lifeguard.watch(pool)
    const client = await pool.connect()
    clock.advance(31_000)
    client.release()
    await lifeguard.close()
    const lines = written.map((line) => JSON.parse(line)).filter(({ event }) => event !== 'info')
    expect(lines.map(({ event }) => event)).toEqual(['finding', 'resolved'])
    expect(lines).toEqual(heard.map(({ event, finding }) => ({ event, ...compactFinding(finding) })))
  })
})

describe('options that cannot work', () => {
  it.each<[unknown, string]>([
    [{ file: 'findings.jsonl' }, 'unknown option jsonLinesReporter.file; known are stream (got '],
    [{ stream: 'findings.jsonl' }, 'jsonLinesReporter.stream must have a method write, got "findings.jsonl"'],
    [null, 'jsonLinesReporter(options) must be an object, got null'],
  ])('are refused: %o', (options, message) => {
    const make = () => jsonLinesReporter(options as never)
    expect(make).toThrow(OptionError)
    expect(make).toThrow(message)
  })
})

describe('without a stream', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('they go to stderr', () => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    jsonLinesReporter().finding(sampleFinding())
    expect(write).toHaveBeenCalledTimes(1)
    expect(JSON.parse(String(write.mock.calls[0]?.[0]))).toMatchObject({ event: 'finding', id: 'f1' })
  })
})
