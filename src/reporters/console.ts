import type { Reporter } from '../core/reporter.ts'
import { findingText, repeatText, updateText } from './finding-text.ts'
import { isTold } from './repeats.ts'
import { styleFor, type TextSink } from './terminal-style.ts'

export interface ConsoleReporterOptions {
  /** Default: `process.stderr`. */
  readonly stream?: TextSink
  /** Also says what is no finding, such as timeouts that a pool lacks. Default true. */
  readonly info?: boolean
}

/**
 * Prints findings for people, by default on stderr: in full the first time that they come from a line of source, as a
 * count after that.
 *
 * @example
 * createLifeguard({ reporters: [consoleReporter({ stream: process.stdout })] })
 */
export function consoleReporter({
  stream = process.stderr,
  info = true,
}: ConsoleReporterOptions = {}): Reporter {
  const style = styleFor(stream)
  return {
    finding(finding) {
      if (!isTold(finding.occurrences)) return
      stream.write(
        finding.occurrences === 1 ? `\n${findingText(finding, style)}\n` : repeatText(finding, style),
      )
    },
    remedied(finding) {
      if (finding.occurrences === 1) stream.write(updateText(finding, style))
    },
    resolved(finding) {
      if (finding.occurrences === 1) stream.write(updateText(finding, style))
    },
    info(message) {
      if (info) stream.write(`${style('dim', `pg-lifeguard: ${message}`)}\n`)
    },
  }
}
