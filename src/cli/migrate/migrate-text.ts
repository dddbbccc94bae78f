import { quoteText } from '../../postgres/quote.ts'
import { describeMillis } from '../../text/duration.ts'
import { counted } from '../../text/layout.ts'
import { oneLine } from '../../text/safe-text.ts'
import { listLines, preparedText, stateText, type TextOptions, waitText } from '../report/session-text.ts'
import { signalText } from '../report/signal-text.ts'
import type { FrontReport, MigrateEvent } from './migrate-event.ts'

type Colour = 'red' | 'yellow' | 'green' | 'dim'

/** What `migrate` says to people, beside what the command says itself. */
export function migrateText(event: MigrateEvent, options: TextOptions): string {
  const { style } = options
  const [text, ...more] = wording(event, options)
  const colour = colours[event.event]
  const first = `pg-lifeguard: ${text}`
  return [colour === undefined ? first : style(colour, first), ...more].join('\n')
}

const colours: Readonly<Partial<Record<MigrateEvent['event'], Colour>>> = {
  started: 'dim',
  'without-options': 'yellow',
  waiting: 'yellow',
  granted: 'green',
  refused: 'red',
  freed: 'yellow',
  cancelled: 'yellow',
  holds: 'red',
  'left-open': 'red',
  'invalid-index': 'red',
  'gave-up': 'red',
  'false-success': 'red',
  'not-started': 'red',
  unseen: 'yellow',
  lost: 'red',
  back: 'green',
}

function wording(event: MigrateEvent, options: TextOptions): readonly [string, ...string[]] {
  switch (event.event) {
    case 'started':
      return [startText(event)]
    case 'without-options':
      return [
        `runs without PGOPTIONS: ${event.reason}`,
        ...(event.isBlind
          ? [
              '  Behind a pooler a session may be lent to somebody else: it is named, and left alone. So there is no lock timeout',
              '  but what you set for the role: ALTER ROLE ... SET lock_timeout. With --pgbouncer URL it can be told whose it is.',
            ]
          : ['  A statement that waits for a lock too long is cancelled from here instead.']),
      ]
    case 'waiting': {
      const { session, behind, between, unverified } = event
      const others =
        between.length === 0 ? [] : [`  in between: ${between.map((pid) => `pid ${pid}`).join(', ')}`]
      return [
        `pid ${session.pid} of the command ${waitText(session) ?? 'waits'}, behind`,
        ...behind.flatMap((one) => frontLines(one, options)).map((line) => `  ${line}`),
        ...others,
        ...(unverified
          ? ['  unverified: a pooler is in between, and may have lent the session to somebody else']
          : []),
      ]
    }
    case 'granted':
      return [`pid ${event.pid} has its lock after ${describeMillis(event.waitedMillis)}, and goes on`]
    case 'refused': {
      const query = event.query === undefined ? [] : [`  query: ${event.query}`]
      const waited = describeMillis(event.waitedMillis)
      return [`pid ${event.pid} did not get its lock on ${oneLine(event.target)} in ${waited}`, ...query]
    }
    case 'freed':
      return [`ends pid ${event.session.pid}, ${stateText(event.session)}: ${signalText(event.result)}`]
    case 'cancelled':
      return [`cancels the statement of pid ${event.pid}, ${reasonText(event)}: ${signalText(event.result)}`]
    case 'holds':
      return [
        `${counted(event.behind, 'session')} wait behind pid ${event.pid} of the command, which runs no statement that could be cancelled`,
      ]
    case 'left-open':
      return [
        `the command has ended, and pid ${event.session.pid} is still there, ${stateText(event.session)}`,
        event.unverified
          ? '  unverified: a pooler is in between, and may have lent the session to somebody else'
          : `  to end it: pg-lifeguard terminate --pid ${event.session.pid}`,
      ]
    case 'invalid-index':
      return [
        `index ${oneLine(event.name)} on ${oneLine(event.table)} is left behind, invalid: it costs and helps nobody`,
        `  before you run the command again: ${oneLine(event.drop)}`,
      ]
    case 'retry':
      return [`tries again in ${describeMillis(event.pauseMillis)} (${event.number} of ${event.of})`]
    case 'gave-up':
      return [`gave up because of locks, after ${counted(event.attempts, 'attempt')}`]
    case 'false-success': {
      const query = event.query === undefined ? [] : [`  query: ${event.query}`]
      return [
        `the command ended with exit code 0, but the server refused one of its statements: the lock on ${oneLine(event.target)} was not to be had`,
        ...query,
        '  What came after it may have been done. With psql: -v ON_ERROR_STOP=1 --single-transaction',
      ]
    }
    case 'not-started':
      return [event.reason]
    case 'unseen':
      return [
        `no session of the command was seen in ${event.target}: if it was there, it ran unprotected`,
        '  Does it connect to another server? Then name that with --url. Does a pooler refuse PGOPTIONS? Then --no-pgoptions',
      ]
    case 'lost':
      return [`lost sight of the server: ${event.reason}`]
    case 'back':
      return ['sees the server again']
  }
}

function startText({ lockTimeoutMillis, retries }: Extract<MigrateEvent, { event: 'started' }>): string {
  const timeout =
    lockTimeoutMillis === 0 ? 'without a lock timeout' : `lock timeout ${describeMillis(lockTimeoutMillis)}`
  return `${timeout}, ${counted(retries, 'retry', 'retries')}`
}

function reasonText({ why, behind }: Extract<MigrateEvent, { event: 'cancelled' }>): string {
  if (why === 'left-behind') return 'which the command left behind'
  if (why === 'lock-timeout') return 'which has waited longer than the lock timeout'
  return `because ${counted(behind, 'session')} wait behind it`
}

function frontLines({ id, session, prepared, own }: FrontReport, options: TextOptions): string[] {
  if (session !== undefined) {
    const [first = id, ...more] = listLines(session, options)
    return [own ? `${first} (the command itself: it blocks itself)` : first, ...more]
  }
  if (prepared === undefined) return [id]
  return [
    preparedText(prepared),
    `  to end it: ROLLBACK PREPARED ${quoteText(prepared.gid)}; or COMMIT PREPARED`,
  ]
}
