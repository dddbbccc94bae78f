import type { LifeguardOptions } from '../options.ts'

export type Preset = 'development' | 'test' | 'staging' | 'production'

interface PresetSettings {
  readonly options: LifeguardOptions
  readonly reporter: 'console' | 'json'
}

/** What `LIFEGUARD_PRESET` sets. Other variables take precedence. */
export const presets: Readonly<Record<Preset, PresetSettings>> = {
  // Somebody looks at the terminal: short limits, and everything that a checkout can tell.
  development: {
    options: { limits: { idleTransactionMillis: 5_000, holdMillis: 15_000 }, handles: 'checked' },
    reporter: 'console',
  },
  // Nothing that a test does takes long, and a round trip for each release costs nothing that counts.
  test: {
    options: {
      limits: {
        idleTransactionMillis: 2_000,
        transactionMillis: 10_000,
        holdMillis: 5_000,
        acquireWaitMillis: 2_000,
      },
      handles: 'checked',
      sessionState: { verify: true },
    },
    reporter: 'console',
  },
  // Like production, with the checks that cost something, and statistics to set limits by.
  staging: {
    options: { handles: 'checked', sessionState: { verify: true }, statistics: true },
    reporter: 'json',
  },
  // The defaults, which report and never touch a client, as lines for a log.
  production: { options: { reportsPerMinute: 20 }, reporter: 'json' },
}
