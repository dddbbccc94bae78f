import type { Finding } from '../core/finding.ts'
import { describeFrame } from '../core/origin.ts'
import type { Reporter } from '../core/reporter.ts'
import { describeValue, OptionError } from '../errors.ts'
import { isTold } from './repeats.ts'

type LogMethod = (...args: never[]) => unknown

/** pino, winston, bunyan, the console, or anything that has their three methods. */
export interface LoggerLike {
  error: LogMethod
  warn: LogMethod
  info: LogMethod
}

/**
 * Logs findings: leaks as errors, suspicions as warnings, what resolves as info. The finding is logged as a structure
 * under `finding`. pino and bunyan take the structure first, everybody else the message.
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

  function log(level: 'error' | 'warn' | 'info', message: string, finding?: Finding): void {
    const args =
      finding === undefined ? [message] : structureFirst ? [{ finding }, message] : [message, { finding }]
    Reflect.apply(logger[level], logger, args)
  }

  return {
    finding(finding) {
      if (isTold(finding.occurrences))
        log(finding.certainty === 'certain' ? 'error' : 'warn', message(finding), finding)
    },
    remedied(finding) {
      if (isTold(finding.occurrences)) log('warn', message(finding), finding)
    },
    resolved(finding) {
      if (isTold(finding.occurrences)) log('info', message(finding), finding)
    },
    info: (text) => log('info', `pg-lifeguard: ${text}`),
  }
}

function takesStructureFirst(logger: object): boolean {
  const { bindings, addStream } = logger as { bindings?: unknown; addStream?: unknown }
  return typeof bindings === 'function' || typeof addStream === 'function'
}

function message(finding: Finding): string {
  const { kind, certainty, origin, transactionOrigin, pool, hint, outcome, resolution, occurrences } = finding
  const place = origin ?? transactionOrigin
  const where = place === undefined ? `pool ${describeValue(pool)}` : describeFrame(place)
  const count = occurrences > 1 ? ` (${occurrences} times)` : ''
  if (resolution !== undefined) return `pg-lifeguard: ${kind} at ${where} resolved: ${resolution}`
  const verdict = certainty === 'certain' ? 'leak' : 'suspected'
  const done = outcome === undefined ? '' : ` [${outcome}]`
  return `pg-lifeguard: ${verdict} ${kind} at ${where}${count}: ${hint}${done}`
}
