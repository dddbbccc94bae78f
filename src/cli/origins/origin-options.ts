import type { OptionSpec } from '../command.ts'

export const appTokenOption: OptionSpec = {
  flags: '--app-token <token>',
  description: 'the token of its lifeguardHandler, if it has one (default: LIFEGUARD_TOKEN)',
}

/** The additional sources for the owners of sessions. */
export const originOptions: readonly OptionSpec[] = [
  {
    flags: '--app <url>',
    description:
      'show lines of code of this application, from its lifeguardHandler: http://127.0.0.1:3000/lifeguard',
  },
  appTokenOption,
  {
    flags: '--pgbouncer <url>',
    description: 'show the client behind each session of this PgBouncer: postgres://admin@host:6432',
  },
]
