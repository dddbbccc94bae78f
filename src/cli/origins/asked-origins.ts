import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectionError } from '../../errors.ts'
import type { ServerSnapshot } from '../../postgres/index.ts'
import { firstOrigin, type OriginOf } from '../../postgres/report/session-origin.ts'
import { formerTags, statementTags } from '../../postgres/report/session-tags.ts'
import type { Invocation } from '../command.ts'
import { appOrigins, appUrl, readApp, unknownToServer } from './app-origins.ts'
import { pgBouncerOrigins, readPgBouncer } from './pgbouncer-origins.ts'

/** The pending answers of an application and a pooler about the owners of sessions, which may come late or never. */
export interface AskedOrigins extends Disposable {
  /**
   * The origins of sessions by the available answers. Waits for missing ones at most `patienceMillis`.
   *
   * @throws OptionError
   */
  within(patienceMillis: number, snapshot: ServerSnapshot): Promise<OriginOf>
  /** True if a source has not answered, or has answered with an error. */
  readonly isIncomplete: boolean
}

/** One source, and its answer when it has arrived. */
interface Asked<State> {
  readonly name: string
  readonly answer: Promise<void>
  state?: State
  failure?: unknown
}

/**
 * Asks the application and the pooler in the options, without waiting for them: the look at the server must not depend
 * on them. A missing answer is reported once, by `warn`.
 *
 * @throws UsageError if the application's URL is invalid
 */
export function askForOrigins(
  { options, env, terminal }: Invocation,
  warn: (text: string) => void = terminal.warn,
): AskedOrigins {
  const { app, appToken, pgbouncer } = options as { app?: string; appToken?: string; pgbouncer?: string }
  const over = new AbortController()
  const access = { token: appToken ?? env.LIFEGUARD_TOKEN, signal: over.signal }
  const application = app === undefined ? undefined : asked('the application', readApp(appUrl(app), access))
  const pooler = pgbouncer === undefined ? undefined : asked('PgBouncer', readPgBouncer(pgbouncer, env))
  const sources = [application, pooler].filter((source) => source !== undefined)
  const warned = new Set<string>()
  const warnOnce = (text: string) => {
    if (warned.has(text)) return
    warned.add(text)
    warn(text)
  }
  return {
    get isIncomplete() {
      return sources.some(({ state }) => state === undefined)
    },
    async within(patienceMillis, snapshot) {
      await settledOrLate(sources, patienceMillis)
      for (const { name, state, failure } of sources) {
        if (state !== undefined) continue
        if (failure !== undefined && !(failure instanceof ConnectionError)) throw failure
        warnOnce(`pg-lifeguard: without lines of code: ${failure?.message ?? `${name} has not answered yet`}`)
      }
      const note = application?.state && unknownToServer(application.state, snapshot)
      if (note !== undefined) warnOnce(`pg-lifeguard: ${note}`)
      // The pooler comes first for its own sessions: an application's process ids are arbitrary there.
      return firstOrigin([
        statementTags,
        ...(pooler?.state === undefined ? [] : [pgBouncerOrigins(pooler.state)]),
        ...(application?.state === undefined ? [] : [appOrigins(application.state, snapshot)]),
        formerTags,
      ])
    },
    [Symbol.dispose]: () => over.abort(),
  }
}

function asked<State>(name: string, work: Promise<State>): Asked<State> {
  const one: Asked<State> = {
    name,
    answer: work.then(
      (state) => {
        one.state = state
      },
      (error: unknown) => {
        one.failure = error
      },
    ),
  }
  return one
}

async function settledOrLate(sources: readonly Asked<unknown>[], millis: number): Promise<void> {
  if (sources.length === 0) return
  const timer = new AbortController()
  const late = sleep(millis, undefined, { signal: timer.signal }).catch(() => {})
  await Promise.race([Promise.all(sources.map(({ answer }) => answer)), late])
  timer.abort()
}
