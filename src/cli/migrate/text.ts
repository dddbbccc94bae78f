import { describeMillis } from '../../text/duration.ts'
import { counted } from '../../text/layout.ts'
import { oneLine } from '../../text/safe-text.ts'
import { preparedCureLines } from '../report/cure-text.ts'
import { wrap } from '../report/layout.ts'
import { listLines, preparedText, stateText, waitText } from '../report/session-text.ts'
import { signalText } from '../report/signal-text.ts'
import type { TextOptions } from '../report/text-options.ts'
import type { FrontReport, MigrateEvent } from './events.ts'

type Colour = 'red' | 'yellow' | 'green' | 'dim'
type Name = MigrateEvent['event']
type EventOf<Wanted extends Name> = Extract<MigrateEvent, { event: Wanted }>

interface Wording<Wanted extends Name> {
  readonly colour?: Colour
  /** What happened, in one line. */
  title(event: EventOf<Wanted>): string
  /** The lines below it. */
  details?(event: EventOf<Wanted>, options: TextOptions): readonly string[]
}

/** An event for people: a line, and below it the details. */
export function migrateText(event: MigrateEvent, options: TextOptions): string {
  const { colour, title, details } = wordings[event.event] as Wording<Name>
  const lines = wrap(`pg-lifeguard: ${title(event)}`, options.columns, '', '  ')
  const first = colour === undefined ? lines : lines.map((line) => options.style(colour, line))
  return [...first, ...(details?.(event, options) ?? [])].join('\n')
}

const unverified = 'unverified: a pooler is in between, and the session may serve another client'

const wordings: { readonly [Wanted in Name]: Wording<Wanted> } = {
  started: { colour: 'dim', title: startTitle },
  'without-options': {
    colour: 'yellow',
    title: ({ reason }) => `runs without PGOPTIONS: ${reason}`,
    details: ({ isBlind }, options) =>
      isBlind
        ? [
            ...detail(
              'Behind a pooler a session may serve another client: it is named and left alone. So the only lock timeout is that of the role: ALTER ROLE ... SET lock_timeout.',
              options,
            ),
            ...detail('--pgbouncer URL finds out which client has the session.', options),
          ]
        : detail('A statement that waits too long for a lock is cancelled from here instead.', options),
  },
  waiting: {
    colour: 'yellow',
    title: ({ session }) => `pid ${session.pid} of the command ${waitText(session) ?? 'waits'}, behind`,
    details: waitingDetails,
  },
  granted: {
    colour: 'green',
    title: ({ pid, waitedMillis }) =>
      `pid ${pid} has its lock after ${describeMillis(waitedMillis)}, and goes on`,
  },
  refused: {
    colour: 'red',
    title: ({ pid, target, waitedMillis }) =>
      `pid ${pid} did not get its lock on ${oneLine(target)} in ${describeMillis(waitedMillis)}`,
    details: queryDetails,
  },
  freed: {
    colour: 'yellow',
    title: ({ session, result }) => `ends pid ${session.pid}, ${stateText(session)}: ${signalText(result)}`,
  },
  spared: {
    colour: 'yellow',
    title: ({ session, reason }) =>
      `does not end pid ${session.pid}, ${stateText(session)}: ${oneLine(reason)}`,
    details: (_event, options) => detail('It waits until that session is done.', options),
  },
  cancelled: {
    colour: 'yellow',
    title: (event) =>
      `cancels the statement of pid ${event.pid}, ${cancelReason(event)}: ${signalText(event.result)}`,
  },
  holds: {
    colour: 'red',
    title: ({ pid, behind }) =>
      `${waiters(behind)} behind pid ${pid} of the command, which runs no statement that could be cancelled`,
  },
  'left-open': {
    colour: 'red',
    title: ({ session }) =>
      `the command has ended, and pid ${session.pid} is still there, ${stateText(session)}`,
    details: (event, options) =>
      detail(
        event.unverified ? unverified : `to end it: pg-lifeguard terminate --pid ${event.session.pid}`,
        options,
      ),
  },
  'invalid-index': {
    colour: 'red',
    title: ({ name, table }) =>
      `index ${oneLine(name)} on ${oneLine(table)} is left behind, invalid: it slows down writes and serves no query`,
    details: ({ drop }) => [`  before you run the command again: ${oneLine(drop)}`],
  },
  retry: {
    title: ({ pauseMillis, number, of }) =>
      `tries again in ${describeMillis(pauseMillis)} (${number} of ${of})`,
  },
  'gave-up': {
    colour: 'red',
    title: ({ attempts }) => `gave up because of locks, after ${counted(attempts, 'attempt')}`,
  },
  'false-success': {
    colour: 'red',
    title: ({ target }) =>
      `the command ended with exit code 0, but the server refused one of its statements: the lock on ${oneLine(target)} could not be acquired`,
    details: (event, options) => [
      ...queryDetails(event),
      ...detail(
        'Statements after it may have been executed. With psql: -v ON_ERROR_STOP=1 --single-transaction',
        options,
      ),
    ],
  },
  'not-started': { colour: 'red', title: ({ reason }) => reason },
  unseen: {
    colour: 'yellow',
    title: ({ target }) =>
      `no session of the command was seen in ${target}: if it connected, it ran unprotected`,
    details: (_event, options) => [
      ...detail(
        'If it connects to another server: --url. If a pooler refuses PGOPTIONS: --no-pgoptions',
        options,
      ),
    ],
  },
  lost: { colour: 'red', title: ({ reason }) => `lost connection to the server: ${reason}` },
  back: { colour: 'green', title: () => 'connected to the server again' },
}

function detail(text: string, { columns }: TextOptions): string[] {
  return wrap(text, columns, '  ', '    ')
}

function queryDetails({ query }: { readonly query?: string }): string[] {
  return query === undefined ? [] : [`  query: ${query}`]
}

function startTitle({ lockTimeoutMillis, retries }: EventOf<'started'>): string {
  const timeout =
    lockTimeoutMillis === 0 ? 'without a lock timeout' : `lock timeout ${describeMillis(lockTimeoutMillis)}`
  return `${timeout}, ${counted(retries, 'retry', 'retries')}`
}

function waitingDetails(event: EventOf<'waiting'>, options: TextOptions): string[] {
  const { behind, between } = event
  return [
    ...behind.flatMap((one) => frontLines(one, options)).map((line) => `  ${line}`),
    ...(between.length === 0
      ? []
      : detail(`in between: ${between.map((pid) => `pid ${pid}`).join(', ')}`, options)),
    ...(event.unverified ? detail(unverified, options) : []),
  ]
}

function cancelReason({ why, behind }: EventOf<'cancelled'>): string {
  if (why === 'left-behind') return 'which the command left behind'
  if (why === 'lock-timeout') return 'which has waited longer than the lock timeout'
  return `because ${waiters(behind)} behind it`
}

function waiters(count: number): string {
  return `${counted(count, 'session')} ${count === 1 ? 'waits' : 'wait'}`
}

function frontLines({ id, session, prepared, own }: FrontReport, options: TextOptions): string[] {
  if (session !== undefined) {
    const [first = id, ...more] = listLines(session, options)
    return [own ? `${first} (the command itself: it blocks itself)` : first, ...more]
  }
  if (prepared === undefined) return [id]
  return [preparedText(prepared), ...preparedCureLines(prepared, '  ', options)]
}
