import { stripVTControlCharacters } from 'node:util'
import type { Finding } from '../core/findings/finding.ts'
import { isReported } from '../core/findings/repeats.ts'
import type { Reporter } from '../core/findings/reporter.ts'
import { readOptions } from '../core/options/read.ts'
import type { OptionTable } from '../core/options/rows.ts'
import { oneLine } from '../text/safe-text.ts'
import { styleFor, type TextSink } from '../text/style.ts'
import { additionText, findingText, repeatText, updateText } from './finding-text.ts'
import { KnownSources } from './known-sources.ts'
import { statisticsText } from './statistics-text.ts'

/** The number of checkouts remembered because their source was shown. */
const mostRemembered = 100

/** The options of {@link consoleReporter}. */
export interface ConsoleReporterOptions {
  /** Default: `process.stderr`. */
  readonly stream?: TextSink
  /** Also prints advice, such as the timeouts that a pool lacks. Default true. */
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
 * Prints readable reports, by default on stderr: the first finding of each mistake in full, repetitions as a count.
 *
 * @example
 * createLifeguard({ reporters: [consoleReporter({ stream: process.stdout })] })
 */
export function consoleReporter(options: ConsoleReporterOptions = {}): Reporter {
  const { stream = process.stderr, info } = readOptions(consoleReporterOptions, options)
  const style = styleFor(stream)
  const shown = new Set<number>()
  const sources = new KnownSources()
  /** The resolutions of findings, by id. */
  const ended = new Map<string, string>()

  /** A further finding of the same checkout does not repeat its source. */
  function showsFrame({ checkout, eventOrigin }: Finding): boolean {
    const isNew = !shown.has(checkout.id) || eventOrigin !== undefined
    shown.add(checkout.id)
    if (shown.size > mostRemembered) shown.delete(shown.values().next().value as number)
    return isNew
  }

  /** Whether this resolution ends the story of a checkout: one line for all of its findings. */
  function endsStory({ id, updates, supersededBy, resolution = '' }: Finding): boolean {
    if (supersededBy !== undefined) return false
    ended.set(id, resolution)
    if (ended.size > mostRemembered) ended.delete(ended.keys().next().value as string)
    return updates === undefined || ended.get(updates) !== resolution
  }

  function print(epochMillis: number, text: string, gap = ''): void {
    const time = timeOf(epochMillis)
    const [first = ''] = stripVTControlCharacters(text).split('\n', 1)
    // On a narrow terminal the line would break in the middle of a word.
    const isNarrow = stream.columns !== undefined && time.length + 1 + first.length > stream.columns
    stream.write(`${gap}${style('dim', time)}${isNarrow ? '\n' : ' '}${text}`)
  }

  function printInFull(finding: Finding): void {
    const text = findingText(finding, { style, columns: stream.columns, frame: showsFrame(finding) })
    print(finding.openedAt, `${text}\n`, '\n')
  }

  return {
    finding(finding) {
      const source = sources.note(finding)
      if (finding.updates !== undefined) {
        if (finding.occurrences === 1) print(finding.openedAt, additionText(finding, style))
      } else if (finding.occurrences === 1) printInFull(finding)
      else if (isReported(finding.occurrences) || source !== undefined)
        print(finding.openedAt, repeatText(finding, style, source))
    },
    remedied(finding) {
      if (finding.occurrences === 1) print(Date.now(), updateText(finding, 'remedied', style))
    },
    resolved(finding) {
      if (finding.occurrences !== 1 || !endsStory(finding)) return
      print(finding.resolvedAt ?? Date.now(), updateText(finding, 'resolved', style))
    },
    statistics(statistics) {
      const title = `${style('dim', 'pg-lifeguard:')} how long clients were held`
      print(Date.now(), `${title}\n\n${statisticsText(statistics)}`, '\n')
    },
    info(message) {
      if (info) print(Date.now(), `${style('dim', `pg-lifeguard: ${oneLine(message)}`)}\n`)
    },
  }
}

/** In UTC, for comparison with the logs of other machines: `2026-01-31T09:30:00Z`. */
function timeOf(epochMillis: number): string {
  const time = new Date(epochMillis)
  // A clock of the application may return an invalid time.
  return Number.isNaN(time.getTime()) ? 'unknown time' : time.toISOString().replace(/\.\d+Z$/, 'Z')
}
