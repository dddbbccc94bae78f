import { metrics } from '@opentelemetry/api'
import { describe, expect, it } from 'vitest'
import { internalsOf } from '../../src/guard/internals.ts'
import { createLifeguard, OptionError } from '../../src/index.ts'
import { instrumentLifeguard } from '../../src/otel/index.ts'

describe('without an SDK', () => {
  it('nothing is measured', () => {
    expect(metrics.getMeterProvider().constructor.name).toBe('NoopMeterProvider')
    const lifeguard = createLifeguard({ reporters: [] })
    instrumentLifeguard(lifeguard)
    expect(internalsOf(lifeguard)?.ledger.meter).toBeUndefined()
  })
})

describe('instrumentLifeguard', () => {
  it('refuses what no createLifeguard has made', () => {
    expect(() => instrumentLifeguard({} as never)).toThrow(OptionError)
  })

  it('refuses a lifeguard that is instrumented, until that has ended', () => {
    const lifeguard = createLifeguard({ reporters: [] })
    const stop = instrumentLifeguard(lifeguard)
    expect(() => instrumentLifeguard(lifeguard)).toThrow(/is instrumented already/)
    stop()
    instrumentLifeguard(lifeguard)()
  })
})
