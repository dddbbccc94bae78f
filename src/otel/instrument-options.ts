import type { MeterProvider } from '@opentelemetry/api'
import type { OptionTable } from '../core/options/rows.ts'
import type { LoggerProviderLike } from './log-records.ts'

/** The options of `instrumentLifeguard`. */
export interface InstrumentOptions {
  /** Default: the provider that `metrics.setGlobalMeterProvider` registered. */
  readonly meterProvider?: MeterProvider
  /** Default: the provider that `logs.setGlobalLoggerProvider` registered. */
  readonly loggerProvider?: LoggerProviderLike
  /** Also adds findings as events to the span that checked the client out, if it has not ended. Default false. */
  readonly spanEvents?: boolean
  /** The number of lines of source that `pg_lifeguard.findings` distinguishes; the rest is `(other)`. Default 0: none. */
  readonly maxOrigins?: number
}

export const instrumentOptions = {
  whole: 'instrumentLifeguard(lifeguard, options)',
  prefix: 'instrumentLifeguard.',
  rows: {
    meterProvider: { kind: 'object', methods: ['getMeter'], expected: 'must have a method getMeter' },
    loggerProvider: { kind: 'object', methods: ['getLogger'], expected: 'must have a method getLogger' },
    spanEvents: { kind: 'boolean', default: false },
    maxOrigins: { kind: 'count', least: 0, default: 0 },
  },
} as const satisfies OptionTable<InstrumentOptions>
