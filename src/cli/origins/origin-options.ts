import type { OptionSpec } from '../command.ts'

export const appTokenOption: OptionSpec = {
  flags: '--app-token <token>',
  description: 'the token of its lifeguardHandler, if it has one (default: LIFEGUARD_TOKEN)',
}

/** Sources, beside the server, of whose a session is. */
export const originOptions: readonly OptionSpec[] = [
  {
    flags: '--app <url>',
    description:
      'ask this application, which has mounted lifeguardHandler, for the lines of code: http://127.0.0.1:3000/lifeguard',
  },
  appTokenOption,
  {
    flags: '--pgbouncer <url>',
    description: 'ask this PgBouncer which client has which session: postgres://admin@host:6432',
  },
]
