import type { LifeguardOptions } from '../options.ts'

export type Preset = 'development' | 'test' | 'staging' | 'production'

interface PresetSettings {
  readonly options: LifeguardOptions
  readonly reporter: 'console' | 'json'
}

/** The settings of `LIFEGUARD_PRESET`. Other variables take precedence. */
export const presets: Readonly<Record<Preset, PresetSettings>> = {
  // A developer watches the terminal: short limits, and all details.
  development: {
    options: { limits: { idleTransactionMillis: 5_000, holdMillis: 15_000 }, handles: 'checked' },
    reporter: 'console',
  },
  // Tests are fast, and a round trip per release does not matter.
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
  // Like production, with the more expensive checks, and statistics for choosing limits.
  staging: {
    options: { handles: 'checked', sessionState: { verify: true }, statistics: true },
    reporter: 'json',
  },
  // The defaults, which report and never touch a client, as JSON lines for a log.
  production: { options: { reportsPerMinute: 20 }, reporter: 'json' },
}
