import { type Finding, isLeak, resolutionText } from '../core/findings/finding.ts'
import { isReported } from '../core/findings/repeats.ts'
import type { Reporter } from '../core/findings/reporter.ts'
import { describeFrame } from '../core/origin/origin.ts'
import { describePool } from '../core/pool-record.ts'
import { OptionError } from '../errors.ts'
import { oneLine } from '../text/safe-text.ts'
import { KnownSources } from './known-sources.ts'
import { compactFinding, compactMessage, compactStatistics } from './log-line.ts'
import { verdictOf } from './verdict.ts'

type LogMethod = (...args: never[]) => unknown

/** A logger: pino, winston, bunyan, the console, or any object with these three methods. */
export interface LoggerLike {
  error: LogMethod
  warn: LogMethod
  info: LogMethod
}

/**
 * Logs findings: leaks as errors, other findings as warnings, resolutions as info, with the finding under the key
 * `finding`, shortened so that a line stays under 8 kB. pino and bunyan get the object first, other loggers the message.
 *
 * @throws OptionError if the logger lacks one of the methods
 *
 * @example
 * createLifeguard({ reporters: [loggerReporter(pino())] })
 */
export function loggerReporter(logger: LoggerLike): Reporter {
  for (const method of ['error', 'warn', 'info'] as const) {
    if (typeof logger?.[method] !== 'function') {
      throw new OptionError('loggerReporter(logger)', 'must have the methods error, warn and info', logger)
    }
  }
  const structureFirst = takesStructureFirst(logger)
  const sources = new KnownSources()

  function log(level: 'error' | 'warn' | 'info', message: string, structure?: object): void {
    const text = compactMessage(oneLine(message))
    const args = structure === undefined ? [text] : structureFirst ? [structure, text] : [text, structure]
    Reflect.apply(logger[level], logger, args)
  }

  return {
    finding(finding) {
      const source = sources.note(finding)
      if (!isReported(finding.occurrences) && source === undefined) return
      log(levelOf(finding), findingMessage(finding, source), { finding: compactFinding(finding) })
    },
    remedied(finding) {
      if (isReported(finding.occurrences))
        log('warn', `pg-lifeguard: remedied ${subject(finding)}${done(finding)}`, {
          finding: compactFinding(finding),
        })
    },
    resolved(finding) {
      if (!isReported(finding.occurrences)) return
      log('info', `pg-lifeguard: resolved ${subject(finding)}: ${resolutionText(finding)}`, {
        finding: compactFinding(finding),
      })
    },
    statistics: (statistics) =>
      log('info', 'pg-lifeguard: how long clients were held', {
        statistics: compactStatistics(statistics),
      }),
    info: (text) => log('info', `pg-lifeguard: ${text}`),
  }
}

/** The level of a finding; one that updates another finding is no further alarm. */
function levelOf(finding: Finding): 'error' | 'warn' | 'info' {
  if (finding.updates !== undefined) return 'info'
  return isLeak(finding) ? 'error' : 'warn'
}

function takesStructureFirst(logger: object): boolean {
  const { bindings, addStream } = logger as { bindings?: unknown; addStream?: unknown }
  return typeof bindings === 'function' || typeof addStream === 'function'
}

function findingMessage(finding: Finding, source: string | undefined): string {
  const { hint, occurrences } = finding
  const now = source === undefined ? '' : `, now ${source}`
  const count = occurrences > 1 ? ` (${occurrences} times${now})` : ''
  const verdict = verdictOf(finding)
  const word = verdict === undefined ? '' : `${verdict} `
  return `pg-lifeguard: ${word}${subject(finding)}${count}: ${hint}${done(finding)}`
}

function subject({ kind, origin, transactionOrigin, eventOrigin, pool }: Finding): string {
  const place = origin ?? transactionOrigin ?? eventOrigin
  return `${kind} ${place === undefined ? `in ${describePool(pool)}` : `at ${describeFrame(place)}`}`
}

function done({ outcome, outcomeDetail }: Finding): string {
  if (outcome === undefined) return ''
  return ` [${outcome}${outcomeDetail === undefined ? '' : `: ${outcomeDetail}`}]`
}
