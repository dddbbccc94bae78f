import { createNoopMeter, INVALID_TRACEID, metrics, type Span, trace } from '@opentelemetry/api'
import type { Ledger } from '../core/ledger.ts'
import { readOptions } from '../core/options/read.ts'
import type { SpanIds } from '../core/trace.ts'
import { OptionError } from '../errors.ts'
import { internalsOf } from '../guard/internals.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { type InstrumentOptions, instrumentOptions } from './instrument-options.ts'
import { findingAttributes, globalLoggerProvider, logRecordReporter } from './log-records.ts'
import { recordMetrics } from './metrics.ts'
import { eventNames } from './names.ts'
import { neverThrowing } from './never-throwing.ts'

export type { InstrumentOptions } from './instrument-options.ts'
export type { LoggerProviderLike } from './log-records.ts'
export { attributeNames, eventNames, metricNames } from './names.ts'

/**
 * Reports the present and future pools of a lifeguard to OpenTelemetry: metrics of the semantic conventions and
 * additional ones, and findings as log records, each with the trace in which its client was checked out. Call it after
 * the SDK has been started; without an SDK nothing is measured or recorded.
 *
 * @returns a function that stops the reporting
 * @throws OptionError if an option is unknown or invalid, or the lifeguard is instrumented already
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
  const { meterProvider, loggerProvider, spanEvents, maxOrigins } = readOptions(instrumentOptions, options)
  if (parts.surfaces.has('opentelemetry')) {
    throw new OptionError('instrumentLifeguard(lifeguard)', 'is instrumented already', lifeguard)
  }
  parts.surfaces.add('opentelemetry')
  const { ledger, announcer } = parts
  const ends = [
    followTraces(ledger, spanEvents),
    announcer.addReporter(logRecordReporter(() => loggerProvider ?? globalLoggerProvider())),
  ]
  const meter = (meterProvider ?? metrics.getMeterProvider()).getMeter('pg-lifeguard')
  if (meter !== createNoopMeter()) ends.push(recordMetrics(meter, lifeguard, ledger, maxOrigins))
  return () => {
    for (const end of ends.splice(0)) end()
    parts.surfaces.delete('opentelemetry')
  }
}

/** Records the span that is active when a client is requested. */
function followTraces(ledger: Ledger, spanEvents: boolean): () => void {
  // Keyed by an object that the checkout holds anyway, so that no span stays longer in memory.
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
