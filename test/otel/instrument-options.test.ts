import { describe, expect, it } from 'vitest'
import { createLifeguard, OptionError } from '../../src/index.ts'
import { instrumentLifeguard } from '../../src/otel/index.ts'

describe('instrumentLifeguard', () => {
  it('refuses what cannot work', () => {
    const lifeguard = createLifeguard({ reporters: [] })
    const call = (options: object) => () => instrumentLifeguard(lifeguard, options)
    expect(() => instrumentLifeguard({} as never)).toThrow(OptionError)
    expect(call({ meter: 1 })).toThrow(
      /unknown option instrumentLifeguard.meter; did you mean instrumentLifeguard.meterProvider\?/,
    )
    expect(call({ meterProvider: {} })).toThrow(/must have a method getMeter/)
    expect(call({ loggerProvider: {} })).toThrow(/must have a method getLogger/)
    expect(call({ maxOrigins: -1 })).toThrow(/whole number/)
    expect(call({ spanEvents: 'yes' })).toThrow(/must be true or false/)
  })
})
