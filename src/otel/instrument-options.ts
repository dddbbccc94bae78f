import type { MeterProvider } from '@opentelemetry/api'
import type { OptionTable } from '../core/options/rows.ts'
import type { LoggerProviderLike } from './log-records.ts'

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
