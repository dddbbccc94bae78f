import { describeMillis } from '../../text/duration.ts'
import { counted } from '../../text/layout.ts'
import { oneLine } from '../../text/safe-text.ts'
import { cureLines, pasteable, preparedCureLines } from '../report/cure-text.ts'
import { wrap } from '../report/layout.ts'
import { listLines, preparedText, stateText, waitText } from '../report/session-text.ts'
import { signalText } from '../report/signal-text.ts'
import type { TextOptions } from '../report/text-options.ts'
import type { FrontReport, MigrateEvent, SessionDoubt } from './events.ts'

type Colour = 'red' | 'yellow' | 'green' | 'dim'
type Name = MigrateEvent['event']
type EventOf<Wanted extends Name> = Extract<MigrateEvent, { event: Wanted }>

interface Wording<Wanted extends Name> {
  readonly colour?: Colour
  /** The event in one line. */
  title(event: EventOf<Wanted>): string
  /** The lines below it. */
  details?(event: EventOf<Wanted>, options: TextOptions): readonly string[]
}

/** An event as text: one line, and its details below. */
export function migrateText(event: MigrateEvent, options: TextOptions): string {
  const { colour, title, details } = wordings[event.event] as Wording<Name>
  const lines = wrap(`pg-lifeguard: ${title(event)}`, options.columns, '', '  ')
  const first = colour === undefined ? lines : lines.map((line) => options.style(colour, line))
  return [...first, ...(details?.(event, options) ?? [])].join('\n')
}

/** The limit of relations that are named. */
const mostNames = 3

const doubts: Readonly<Record<SessionDoubt, string>> = {
  pooler: 'unverified: the command connects through a pooler, and the session may serve another client',
  elsewhere:
    'unverified: the command is connected to another address; if that is a pooler, the session may serve another client',
  'ended-early':
    'unverified: the command ended before its connections could be seen; behind a pooler the session could serve another client',
}

const wordings: { readonly [Wanted in Name]: Wording<Wanted> } = {
  started: { colour: 'dim', title: startTitle },
  'without-options': {
    colour: 'yellow',
    title: ({ reason }) => `runs without PGOPTIONS: ${reason}`,
    details: ({ isBlind }, options) =>
      isBlind
        ? [
            ...detail(
              'Behind a pooler a session may serve another client, so it is named and left alone. Set the lock timeout for the role instead: ALTER ROLE ... SET lock_timeout.',
              options,
            ),
            ...detail('--pgbouncer URL shows which client has the session.', options),
          ]
        : detail('pg-lifeguard cancels a statement that waits too long for a lock instead.', options),
  },
  waiting: {
    colour: 'yellow',
    title: ({ session }) => `pid ${session.pid} of the command ${waitText(session) ?? 'waits'}, behind`,
    details: waitingDetails,
  },
  granted: {
    colour: 'green',
    title: ({ pid, waitedMillis }) => `pid ${pid} got its lock after ${describeMillis(waitedMillis)}`,
  },
  refused: {
    colour: 'red',
    title: ({ pid, target, waitedMillis }) =>
      target.startsWith('the end of ')
        ? `pid ${pid} waited ${describeMillis(waitedMillis)} for ${oneLine(target)}, and its statement was cancelled`
        : `pid ${pid} did not get its lock on ${oneLine(target)} in ${describeMillis(waitedMillis)}`,
    details: queryDetails,
  },
  deadlock: {
    colour: 'red',
    title: ({ pid, target, waitedMillis }) =>
      `pid ${pid} was the victim of a deadlock (40P01): it waited ${describeMillis(waitedMillis)} for a lock on ${oneLine(target)}, and the holder waited for it`,
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
    details: (_event, options) =>
      detail('The command waits until it ends, or until the lock timeout.', options),
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
    details: ({ session, doubt }, options) => [
      ...(doubt === undefined ? [] : detail(doubts[doubt], options)),
      ...(doubt === 'pooler' || doubt === 'elsewhere'
        ? []
        : pasteable('to end it:', `--pid ${session.pid}`, '  ', options)),
    ],
  },
  'invalid-index': {
    colour: 'red',
    title: ({ name, table, isOlder }) =>
      isOlder
        ? `index ${oneLine(name)} on ${oneLine(table)} was invalid before the command: it serves no query, and CREATE INDEX IF NOT EXISTS does not rebuild it`
        : `index ${oneLine(name)} on ${oneLine(table)} was left invalid: it slows down writes and serves no query`,
    details: ({ drop, isOlder }) => [
      `  ${isOlder ? 'to rebuild it, first' : 'before you run the command again'}: ${oneLine(drop)}`,
    ],
  },
  'pending-detach': {
    colour: 'red',
    title: ({ partition, parent }) =>
      `the detachment of ${oneLine(partition)} from ${oneLine(parent)} is half done: the same statement would fail`,
    details: ({ finalize }) => [`  to complete it: ${oneLine(finalize)}`],
  },
  'knex-lock': {
    colour: 'red',
    title: ({ table }) =>
      `${oneLine(table)} records that a knex migration is running: the next one fails with "Migration table is already locked"`,
    details: (_event, options) => detail('if none is running: npx knex migrate:unlock', options),
  },
  'prisma-failed': {
    colour: 'red',
    title: ({ migration }) =>
      `Prisma has recorded that migration ${oneLine(migration)} failed: it runs no migration until that is resolved (P3009)`,
    details: ({ migration }) => [
      `  if none of its changes are left: npx prisma migrate resolve --rolled-back ${quoteWord(oneLine(migration))}`,
    ],
  },
  'advisory-lock': {
    colour: 'yellow',
    title: ({ key, session, tool }) =>
      tool === undefined
        ? `pid ${session.pid} holds advisory lock ${key}: if the command reports that another migration is running, this may be the cause`
        : `pid ${session.pid} holds advisory lock ${key}, which ${tool} takes so that only one migration runs`,
    details: ({ session }, options) => listLines(session, options).map((line) => `  ${line}`),
  },
  committed: {
    colour: 'red',
    title: ({ relations }) =>
      `the schema has changed since the command began${relationsText(relations)}: no retry, because the finished part would fail`,
    details: (_event, options) =>
      detail(
        'No migration tool has recorded the change. Undo or complete it by hand; run migrations in a transaction (psql: --single-transaction)',
        options,
      ),
  },
  'self-blocked': {
    colour: 'red',
    title: ({ pid }) =>
      `pid ${pid} waited for another session of the command itself: no retry, because it would wait again`,
  },
  'terminated-elsewhere': {
    colour: 'yellow',
    title: ({ pid }) => `pid ${pid} of the command was terminated from outside: no retry`,
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
        'Later statements may have been executed. With psql: -v ON_ERROR_STOP=1 --single-transaction',
        options,
      ),
    ],
  },
  'not-started': { colour: 'red', title: ({ reason }) => reason },
  unseen: {
    colour: 'yellow',
    title: ({ target, isFailed }) =>
      isFailed
        ? `no session of the command reached ${target}`
        : `no session of the command was seen in ${target}: if it connected, it ran unprotected`,
    details: ({ isFailed }, options) => [
      ...detail('if it connects to another server: --url', options),
      ...(isFailed
        ? detail(
            'if it reports "unsupported startup parameter", a pooler refuses PGOPTIONS: --no-pgoptions',
            options,
          )
        : []),
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
      : detail(`between them: ${between.map((pid) => `pid ${pid}`).join(', ')}`, options)),
    ...(event.deadlock
      ? detail('They wait for each other: the server ends one of them in a moment.', options)
      : []),
    ...(event.nobodyQueues
      ? detail(
          'No session queues behind this wait, but the lock timeout ends it, and may leave an invalid index: use --lock-timeout 0',
          options,
        )
      : []),
    ...(event.doubt === undefined ? [] : detail(doubts[event.doubt], options)),
  ]
}

/** One word for a POSIX shell. */
function quoteWord(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}

function relationsText(relations: readonly string[]): string {
  if (relations.length === 0) return ''
  const more = relations.length > mostNames ? ` and ${relations.length - mostNames} more` : ''
  return `, in ${relations.slice(0, mostNames).map(oneLine).join(', ')}${more}`
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
    return [
      own ? `${first} (a session of the command: it blocks itself)` : first,
      ...more,
      ...(session.preventsWraparound === true ? cureLines(session, '  ', options) : []),
    ]
  }
  if (prepared === undefined) return [id]
  return [preparedText(prepared), ...preparedCureLines(prepared, '  ', options)]
}
