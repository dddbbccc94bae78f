import {
  createNoopMeter,
  INVALID_TRACEID,
  type MeterProvider,
  metrics,
  type Span,
  trace,
} from '@opentelemetry/api'
import type { Ledger } from '../core/ledger.ts'
import { rejectUnknown, requireBoolean, requireObject } from '../core/option-check.ts'
import type { SpanIds } from '../core/trace.ts'
import { OptionError } from '../errors.ts'
import { internalsOf } from '../guard/internals.ts'
import type { Lifeguard } from '../lifeguard.ts'
import {
  findingAttributes,
  globalLoggerProvider,
  isLoggerProvider,
  type LoggerProviderLike,
  logRecordReporter,
} from './log-records.ts'
import { recordMetrics } from './metrics.ts'
import { eventNames } from './names.ts'
import { neverThrowing } from './never-throwing.ts'

export type { LoggerProviderLike } from './log-records.ts'
export { attributeNames, eventNames, metricNames } from './names.ts'

export interface InstrumentOptions {
  /** Default: the one that is registered with `metrics.setGlobalMeterProvider`. */
  readonly meterProvider?: MeterProvider
  /** Default: the one that is registered with `logs.setGlobalLoggerProvider`. */
  readonly loggerProvider?: LoggerProviderLike
  /** Also makes a finding an event of the span that checked the client out, if it goes on. Default false. */
  readonly spanEvents?: boolean
  /** How many lines of source `pg_lifeguard.findings` tells apart; what comes later is `(other)`. Default 0: none. */
  readonly maxOrigins?: number
}

const instrumented = new WeakSet<Lifeguard>()

/**
 * Tells OpenTelemetry of the pools of a lifeguard, now and to come: metrics of the semantic conventions and of its own,
 * findings as log records, and in each finding the trace of whoever checked the client out. Call it after the SDK has
 * been started; without an SDK nothing is recorded, and nothing is measured for it.
 *
 * @returns a function that ends it
 * @throws OptionError if an option is unknown or cannot work, or the lifeguard is instrumented already
 *
 * @example
 * import { createLifeguard } from 'pg-lifeguard'
 * import { instrumentLifeguard } from 'pg-lifeguard/otel'
 *
 * const lifeguard = createLifeguard()
 * instrumentLifeguard(lifeguard)
 */
export function instrumentLifeguard(lifeguard: Lifeguard, options: InstrumentOptions = {}): () => void {
  const parts = internalsOf(lifeguard)
  if (parts === undefined) {
    const expected = 'must be made by createLifeguard of this installation of pg-lifeguard'
    throw new OptionError('instrumentLifeguard(lifeguard)', expected, lifeguard)
  }
  const { meterProvider, loggerProvider, spanEvents, maxOrigins } = checked(options)
  if (instrumented.has(lifeguard)) {
    throw new OptionError('instrumentLifeguard(lifeguard)', 'is instrumented already', lifeguard)
  }
  instrumented.add(lifeguard)
  const { ledger, announcer } = parts
  const ends = [
    followTraces(ledger, spanEvents),
    announcer.addReporter(logRecordReporter(() => loggerProvider ?? globalLoggerProvider())),
  ]
  const meter = (meterProvider ?? metrics.getMeterProvider()).getMeter('pg-lifeguard')
  if (meter !== createNoopMeter()) ends.push(recordMetrics(meter, lifeguard, ledger, maxOrigins))
  return () => {
    for (const end of ends.splice(0)) end()
    instrumented.delete(lifeguard)
  }
}

/** Notes the span that is active when a client is asked for. */
function followTraces(ledger: Ledger, spanEvents: boolean): () => void {
  // By what the checkout keeps anyway, so that the span lives no longer for it.
  const spans = new WeakMap<SpanIds, Span>()
  ledger.activeSpan = () =>
    neverThrowing(() => {
      const span = trace.getActiveSpan()
      if (span === undefined) return undefined
      const ids = span.spanContext()
      if (ids.traceId === INVALID_TRACEID) return undefined
      if (spanEvents) spans.set(ids, span)
      return ids
    })
  if (spanEvents) {
    ledger.opened = (record) =>
      neverThrowing(() => {
        const { span: ids } = record.evidence.checkout
        const span = ids === undefined ? undefined : spans.get(ids)
        if (span?.isRecording() === true) span.addEvent(eventNames.finding, findingAttributes(record.data()))
      })
  }
  return () => {
    ledger.activeSpan = undefined
    ledger.opened = undefined
  }
}

function checked(options: InstrumentOptions) {
  requireObject('instrumentLifeguard(lifeguard, options)', options)
  rejectUnknown('instrumentLifeguard.', options, [
    'meterProvider',
    'loggerProvider',
    'spanEvents',
    'maxOrigins',
  ])
  const { meterProvider, loggerProvider, spanEvents = false, maxOrigins = 0 } = options
  if (meterProvider !== undefined && typeof meterProvider?.getMeter !== 'function')
    throw new OptionError('instrumentLifeguard.meterProvider', 'must have a method getMeter', meterProvider)
  if (loggerProvider !== undefined && !isLoggerProvider(loggerProvider))
    throw new OptionError(
      'instrumentLifeguard.loggerProvider',
      'must have a method getLogger',
      loggerProvider,
    )
  requireBoolean('instrumentLifeguard.spanEvents', spanEvents)
  if (!Number.isInteger(maxOrigins) || maxOrigins < 0)
    throw new OptionError('instrumentLifeguard.maxOrigins', 'must be a whole number from 0 on', maxOrigins)
  return { meterProvider, loggerProvider, spanEvents, maxOrigins }
}
