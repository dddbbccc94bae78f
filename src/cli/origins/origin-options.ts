import type { ServerSnapshot } from '../../postgres/index.ts'
import type { Invocation, OptionSpec } from '../command.ts'
import { appOrigins, readApp, unknownToServer } from './app-origins.ts'
import { pgBouncerOrigins, readPgBouncer } from './pgbouncer-origins.ts'
import { firstOrigin, type OriginOf } from './session-origin.ts'
import { formerTags, statementTags } from './session-tags.ts'

export const appTokenOption: OptionSpec = {
  flags: '--app-token <token>',
  description: 'the token of its lifeguardHandler, if it has one (default: LIFEGUARD_TOKEN)',
}

/** Who else is asked whose a session is. */
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

/** Asks them now; the answer says of each session what they know. By a snapshot of the whole server. */
export async function originSources({
  options,
  env,
  terminal,
}: Invocation): Promise<(snapshot: ServerSnapshot) => OriginOf> {
  const { app, appToken, pgbouncer } = options as { app?: string; appToken?: string; pgbouncer?: string }
  const [application, pooler] = await Promise.all([
    app === undefined ? undefined : readApp(app, appToken ?? env.LIFEGUARD_TOKEN),
    pgbouncer === undefined ? undefined : readPgBouncer(pgbouncer, env),
  ])
  return (snapshot) => {
    const note = application === undefined ? undefined : unknownToServer(application, snapshot)
    if (note !== undefined) terminal.warn(`pg-lifeguard: ${note}`)
    // Of its own sessions the pooler knows better: an application's process ids are the pooler's invention then.
    return firstOrigin([
      statementTags,
      ...(pooler === undefined ? [] : [pgBouncerOrigins(pooler)]),
      ...(application === undefined ? [] : [appOrigins(application, snapshot)]),
      formerTags,
    ])
  }
}
