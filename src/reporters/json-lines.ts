import type { Finding } from '../core/findings/finding.ts'
import type { Reporter } from '../core/findings/reporter.ts'
import { readOptions } from '../core/options/read.ts'
import type { OptionTable } from '../core/options/rows.ts'
import type { Statistics } from '../core/statistics/statistics.ts'
import { compactFinding } from './log-line.ts'

/** The options of {@link jsonLinesReporter}. */
export interface JsonLinesReporterOptions {
  /** Default: `process.stderr`. */
  readonly stream?: { write(text: string): unknown }
}

export const jsonLinesReporterOptions = {
  whole: 'jsonLinesReporter(options)',
  prefix: 'jsonLinesReporter.',
  rows: { stream: { kind: 'object', methods: ['write'], expected: 'must have a method write' } },
} as const satisfies OptionTable<JsonLinesReporterOptions>

/**
 * Writes one JSON object per line and event: `{ event: 'finding' | 'remedied' | 'resolved', ...finding }`,
 * `{ event: 'statistics', ...statistics }` or `{ event: 'info', message }`. Repetitions are included. A finding is
 * shortened to fit in 8 kB: short holders, only frames of the user's code.
 *
 * @example
 * createLifeguard({ reporters: [jsonLinesReporter({ stream: fs.createWriteStream('findings.jsonl') })] })
 */
export function jsonLinesReporter(options: JsonLinesReporterOptions = {}): Reporter {
  const { stream = process.stderr } = readOptions(jsonLinesReporterOptions, options)
  const write = (event: string, data: Finding | Statistics | { message: string }) => {
    stream.write(`${JSON.stringify({ event, ...data })}\n`)
  }
  const writeFinding = (event: string, finding: Finding) => write(event, compactFinding(finding))
  return {
    everything: true,
    finding: (finding) => writeFinding('finding', finding),
    remedied: (finding) => writeFinding('remedied', finding),
    resolved: (finding) => writeFinding('resolved', finding),
    statistics: (statistics) => write('statistics', statistics),
    info: (message) => write('info', { message }),
  }
}
