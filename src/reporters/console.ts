import type { Finding } from '../core/findings/finding.ts'
import { isReported } from '../core/findings/repeats.ts'
import type { Reporter } from '../core/findings/reporter.ts'
import { readOptions } from '../core/options/read.ts'
import type { OptionTable } from '../core/options/rows.ts'
import { oneLine } from '../text/safe-text.ts'
import { styleFor, type TextSink } from '../text/style.ts'
import { findingText, repeatText, updateText } from './finding-text.ts'
import { KnownSources } from './known-sources.ts'
import { statisticsText } from './statistics-text.ts'

/** Checkouts whose source was shown, remembered up to this number. */
const mostRemembered = 100

export interface ConsoleReporterOptions {
  /** Default: `process.stderr`. */
  readonly stream?: TextSink
  /** Also print advice, such as which timeouts a pool lacks. Default true. */
  readonly info?: boolean
}

export const consoleReporterOptions = {
  whole: 'consoleReporter(options)',
  prefix: 'consoleReporter.',
  rows: {
    stream: { kind: 'object', methods: ['write'], expected: 'must have a method write' },
    info: { kind: 'boolean', default: true },
  },
} as const satisfies OptionTable<ConsoleReporterOptions>

/**
 * Prints findings for people, by default on stderr: the first of its kind from a line of source in full, later ones as a
 * count.
 *
 * @example
 * createLifeguard({ reporters: [consoleReporter({ stream: process.stdout })] })
 */
export function consoleReporter(options: ConsoleReporterOptions = {}): Reporter {
  const { stream = process.stderr, info } = readOptions(consoleReporterOptions, options)
  const style = styleFor(stream)
  const shown = new Set<number>()
  const sources = new KnownSources()

  /** A further finding of the same checkout does not repeat its source. */
  function showsFrame({ checkout, eventOrigin }: Finding): boolean {
    const isNew = !shown.has(checkout.id) || eventOrigin !== undefined
    shown.add(checkout.id)
    if (shown.size > mostRemembered) shown.delete(shown.values().next().value as number)
    return isNew
  }

  function printInFull(finding: Finding): void {
    const text = findingText(finding, { style, columns: stream.columns, frame: showsFrame(finding) })
    stream.write(`\n${text}\n`)
  }

  return {
    finding(finding) {
      const source = sources.note(finding)
      if (finding.occurrences === 1) printInFull(finding)
      else if (isReported(finding.occurrences) || source !== undefined)
        stream.write(repeatText(finding, style, source))
    },
    remedied(finding) {
      if (finding.occurrences === 1) stream.write(updateText(finding, 'remedied', style))
    },
    resolved(finding) {
      if (finding.occurrences === 1) stream.write(updateText(finding, 'resolved', style))
    },
    statistics(statistics) {
      stream.write(
        `\n${style('dim', 'pg-lifeguard:')} how long clients were held\n\n${statisticsText(statistics)}`,
      )
    },
    info(message) {
      if (info) stream.write(`${style('dim', `pg-lifeguard: ${oneLine(message)}`)}\n`)
    },
  }
}
