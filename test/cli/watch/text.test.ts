import { describe, expect, it } from 'vitest'
import type { Concern } from '../../../src/cli/watch/concerns.ts'
import { watchText } from '../../../src/cli/watch/text.ts'
import type { Heartbeat, WatchEvent } from '../../../src/cli/watch/watch-loop.ts'
import { plain } from '../../../src/text/style.ts'

const at = new Date('2026-03-01T10:20:30.456Z')
const text = (event: WatchEvent) => watchText(event, at, { style: plain })
/** Without the time. */
const said = (event: WatchEvent) => text(event).replace('2026-03-01T10:20:30Z ', '')
const minute = 60_000

const session = {
  ...{ pid: 4711, application: 'api', state: 'idle in transaction', stateMillis: 41 * minute },
  query: 'SELECT ?',
}
const blocks: Concern = {
  ...{ key: 'pid 4711 start', id: 'pid 4711', kind: 'blocks', millis: 4_100, blocked: 3, session },
}

describe('a concern', () => {
  it('appears with the time in UTC, whom it blocks, and below it who it is', () => {
    expect(text({ event: 'appeared', concern: blocks }).split('\n')).toEqual([
      '2026-03-01T10:20:30Z appeared  pid 4711 idle in transaction for 41 min: blocks 3 sessions, the first for 4.1 s',
      '  application api',
      '  last query: SELECT ?',
    ])
  })

  it('escalates in one line, for who it is has been said', () => {
    const concern: Concern = { ...blocks, blocked: 1, millis: 2 * minute }
    expect(said({ event: 'escalated', concern })).toBe(
      'escalated  pid 4711 idle in transaction for 41 min: blocks 1 session, the first for 2 min',
    )
  })

  it.each<[Concern['kind'], string, string]>([
    ['blocks', 'pid 4711', 'pid 4711 no longer blocks'],
    ['idle-in-transaction', 'pid 4711', 'pid 4711 is no longer idle in its transaction'],
    ['prepared', "gid 'transfer'", "gid 'transfer' was committed or rolled back"],
    ['deadlock', 'pid 1, pid 2', 'pid 1, pid 2 no longer wait for each other'],
  ])('of kind %s is over in words of its own', (kind, id, words) => {
    const concern: Concern = { key: id, id, kind, millis: 0, blocked: 0 }
    expect(said({ event: 'cleared', concern, lastedMillis: 5_000 })).toBe(`cleared  ${words}, after 5 s`)
  })

  it('is a deadlock, or a prepared transaction, by name', () => {
    const deadlock: Concern = { key: 'd', id: 'pid 1, pid 2', kind: 'deadlock', millis: 0, blocked: 2 }
    expect(said({ event: 'appeared', concern: deadlock })).toBe(
      'appeared  pid 1, pid 2 wait for each other: a deadlock',
    )
    const prepared = { gid: 'transfer', owner: 'app', millis: 5 * minute }
    const concern: Concern = { ...deadlock, id: "gid 'transfer'", kind: 'prepared', prepared }
    expect(said({ event: 'appeared', concern })).toBe(
      "appeared  prepared transaction 'transfer' for 5 min, owner app",
    )
  })
})

describe('what the watcher does', () => {
  it('is said with the outcome, or with the reason for leaving a session alone', () => {
    const detail = 'it is idle now, no longer idle in transaction'
    expect(said({ event: 'terminated', session, result: { pid: 4711, outcome: 'changed', detail } })).toBe(
      `terminate  pid 4711 idle in transaction for 41 min: changed: ${detail}`,
    )
    expect(said({ event: 'spared', session, reason: 'spared by --spare application=a\u001b[2J\nb' })).toBe(
      'spared  pid 4711 idle in transaction for 41 min: spared by --spare application=a\ufffd[2J b',
    )
  })

  it('is left to one watcher in a database', () => {
    expect(said({ event: 'elected', database: 'shop' })).toBe(
      'elected  this watcher ends idle sessions in database shop',
    )
    expect(said({ event: 'standby', database: 'shop' })).toBe(
      'standby  another watcher ends idle sessions in database shop; this one takes over when it stops',
    )
  })
})

it('tells a lost server, on one line whatever the error says, and how long it was away', () => {
  expect(said({ event: 'lost', reason: 'connection refused\n  at 10.0.0.7\u001b[2J' })).toBe(
    'lost  connection refused at 10.0.0.7\ufffd[2J',
  )
  expect(said({ event: 'back', lostMillis: 90_000 })).toBe('back  after 1 min 30 s')
})

describe('a heartbeat', () => {
  const beat: Heartbeat = { event: 'heartbeat', concerns: 0, blocked: 0, idleForLess: 0, hiddenSessions: 0 }

  it('says that all is well, or counts what is not', () => {
    expect(said(beat)).toBe('heartbeat  nothing to report')
    expect(said({ ...beat, concerns: 2, blocked: 1, idleForLess: 4, hiddenSessions: 1 })).toBe(
      'heartbeat  2 concerns, 1 session blocked, 4 idle in a transaction for less than the limit, 1 session cannot be seen by this role',
    )
  })

  it('does not say that all is well of a server that it cannot see', () => {
    expect(said({ ...beat, lostMillis: 90_000 })).toBe('heartbeat  no connection for 1 min 30 s')
  })
})
