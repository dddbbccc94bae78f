import { describeMillis } from '../../text/duration.ts'
import { counted } from '../../text/layout.ts'
import { oneLine } from '../../text/safe-text.ts'
import { wrap } from '../report/layout.ts'
import { listLines, preparedText, stateText } from '../report/session-text.ts'
import { signalText } from '../report/signal-text.ts'
import type { TextOptions } from '../report/text-options.ts'
import type { Concern } from './concerns.ts'
import type { WatchEvent } from './watch-loop.ts'

/** An event as text: one line, and its session below. */
export function watchText(event: WatchEvent, at: Date, options: TextOptions): string {
  const { style } = options
  const time = style('dim', at.toISOString().replace(/\.\d+Z$/, 'Z'))
  const [title, text, ...more] = wording(event, options)
  const colour = colours[event.event]
  const line = `${time} ${colour === undefined ? title : style(colour, title)}  ${text}`
  return [...wrap(line, options.columns, '', '  '), ...more].join('\n')
}

const colours: Readonly<Partial<Record<WatchEvent['event'], 'red' | 'yellow' | 'green' | 'dim'>>> = {
  appeared: 'red',
  escalated: 'red',
  cleared: 'green',
  terminated: 'yellow',
  spared: 'yellow',
  lost: 'red',
  back: 'green',
  heartbeat: 'dim',
}

function wording(event: WatchEvent, options: TextOptions): readonly [string, string, ...string[]] {
  switch (event.event) {
    case 'started':
      return ['watching', `${event.target}, every ${describeMillis(event.intervalMillis)}`]
    case 'appeared':
      return ['appeared', concernText(event.concern), ...detail(event.concern, options)]
    case 'escalated':
      return ['escalated', concernText(event.concern)]
    case 'cleared': {
      const { concern, lastedMillis } = event
      return ['cleared', `${concern.id} ${ends[concern.kind]}, after ${describeMillis(lastedMillis)}`]
    }
    case 'terminated':
      return [
        'terminate',
        `pid ${event.session.pid} ${stateText(event.session)}: ${signalText(event.result)}`,
      ]
    case 'spared':
      return ['spared', `pid ${event.session.pid} ${stateText(event.session)}: ${oneLine(event.reason)}`]
    case 'elected':
      return ['elected', `this watcher ends idle sessions in database ${event.database}`]
    case 'standby':
      return [
        'standby',
        `another watcher ends idle sessions in database ${event.database}; this one takes over when it stops`,
      ]
    case 'lost':
      return ['lost', oneLine(event.reason)]
    case 'back':
      return ['back', `after ${describeMillis(event.lostMillis)}`]
    case 'heartbeat':
      return ['heartbeat', heartbeatText(event)]
  }
}

const ends: Readonly<Record<Concern['kind'], string>> = {
  blocks: 'no longer blocks',
  'idle-in-transaction': 'is no longer idle in its transaction',
  prepared: 'was committed or rolled back',
  deadlock: 'no longer wait for each other',
}

function concernText({ id, kind, session, prepared, blocked, millis }: Concern): string {
  if (kind === 'deadlock') return `${id} wait for each other: a deadlock`
  const what =
    prepared !== undefined
      ? preparedText(prepared)
      : session === undefined
        ? id
        : `${id} ${stateText(session)}`
  if (kind !== 'blocks') return what
  return `${what}: blocks ${counted(blocked, 'session')}, the first for ${describeMillis(millis)}`
}

function detail({ session }: Concern, options: TextOptions): string[] {
  return session === undefined ? [] : listLines(session, options).slice(1)
}

function heartbeatText(beat: Extract<WatchEvent, { event: 'heartbeat' }>): string {
  if (beat.lostMillis !== undefined) return `no connection for ${describeMillis(beat.lostMillis)}`
  const { concerns, blocked, idleForLess, hiddenSessions } = beat
  const facts = [
    ...(concerns === 0
      ? ['nothing to report']
      : [counted(concerns, 'concern'), `${counted(blocked, 'session')} blocked`]),
    ...(idleForLess === 0 ? [] : [`${idleForLess} idle in a transaction for less than the limit`]),
    ...(hiddenSessions === 0 ? [] : [`${counted(hiddenSessions, 'session')} cannot be seen by this role`]),
  ]
  return facts.join(', ')
}
