import type { OptionTable } from '../../core/options/rows.ts'
import type { SlonikDriverFactory } from './types.ts'

/** The options of `lifeguardSlonik`. */
export interface LifeguardSlonikOptions<Factory extends SlonikDriverFactory = SlonikDriverFactory> {
  /** The driver that is guarded: `createPgDriverFactory()` of `@slonik/pg-driver`. */
  readonly driverFactory: Factory
  /** The name of the pool in reports. Default: Slonik's `poolName`, or `pool`, then `pool-2`, ... */
  readonly name?: string
}

export const lifeguardSlonikTable = {
  whole: 'lifeguardSlonik(lifeguard, options)',
  prefix: 'lifeguardSlonik.',
  rows: {
    driverFactory: {
      kind: 'function',
      required: true,
      expected: 'must be a driver factory of Slonik: createPgDriverFactory() of @slonik/pg-driver',
    },
    name: { kind: 'string' },
  },
} as const satisfies OptionTable<LifeguardSlonikOptions>
