import { describe, expect, it } from 'vitest'
import { lockWaits } from '../../../../src/cli/migrate/sessions/lock-waits.ts'
import type { ServerSession, ServerSnapshot } from '../../../../src/postgres/index.ts'

const session = (pid: number, more: Partial<ServerSession> = {}): ServerSession => ({
  pid,
  hidden: false,
  backendType: 'client backend',
  backendStart: `start ${pid}`,
  state: 'active',
  stateChange: 'statement 1',
  transactionStart: 'transaction 1',
  query: 'ALTER TABLE datasets',
  ...more,
})

interface Look {
  readonly at: number
  readonly sessions: readonly ServerSession[]
  readonly waits?: readonly string[]
  readonly blockers?: readonly number[]
}

/** What the server shows: session 1 waits, and so many stand in its way. */
function snapshot({ at, sessions, waits = [], blockers = [] }: Look): ServerSnapshot {
  return {
    takenAt: new Date(at).toISOString(),
    server: {} as ServerSnapshot['server'],
    sessions,
    waits: waits.map((object) => ({ pid: 1, lockType: 'relation', target: object, object, millis: 0 })),
    blocks: blockers.map((blockerPid) => ({ blocked: 1, blockerPid, kind: 'hard' })),
    prepared: [],
    hiddenSessions: 0,
  }
}

/** How the wait of session 1 ended, by what the last look showed. The looks between it and the first show no end yet. */
function endOf(then: Look, lockTimeoutMillis = 5_000, ...between: readonly Look[]): string | undefined {
  const waits = lockWaits(lockTimeoutMillis)
  const first = { at: 0, sessions: [session(1), session(2)], waits: ['datasets'], blockers: [2] }
  const look = (one: Look) =>
    waits.look(
      snapshot(one),
      one.sessions.filter(({ pid }) => pid === 1),
    )
  look(first)
  for (const one of between.length > 0 ? between : [then]) expect(look(one)).toEqual([])
  return look(then)[0]?.verdict
}

const next = { stateChange: 'statement 2', state: 'idle' }

describe('the end of a wait for a lock', () => {
  it('is not there while it waits', () => {
    const still = { at: 500, sessions: [session(1), session(2)], waits: ['datasets'], blockers: [2] }
    expect(endOf(still)).toBeUndefined()
  })

  it('is refused if who held the lock goes on with the same transaction', () => {
    expect(endOf({ at: 500, sessions: [session(1, next), session(2)] })).toBe('refused')
  })

  it('is refused also if the last look that found it waiting found nobody in its way: it was just ending', () => {
    const ending = { at: 5_000, sessions: [session(1), session(2)], waits: ['datasets'] }
    const over = { at: 5_100, sessions: [session(1, next), session(2)] }
    expect(endOf(over, 5_000, ending, over)).toBe('refused')
    const left = { at: 5_100, sessions: [session(1, next)] }
    expect(endOf(left, 5_000, ending, left)).toBe('unknown')
  })

  it('is refused also if the session has gone meanwhile', () => {
    expect(endOf({ at: 500, sessions: [session(2)] })).toBe('refused')
  })

  it('is granted if who held the lock has gone, or is in another transaction', () => {
    expect(endOf({ at: 500, sessions: [session(1, next)] })).toBe('granted')
    const another = session(2, { transactionStart: 'transaction 2' })
    expect(endOf({ at: 500, sessions: [session(1, next), another] })).toBe('granted')
    const successor = session(2, { backendStart: 'later' })
    expect(endOf({ at: 500, sessions: [session(1, next), successor] })).toBe('granted')
  })

  it('is passed if its own transaction is over as well: that may be the end of a deadlock', () => {
    const { transactionStart: _, ...idle } = session(1, next)
    expect(endOf({ at: 500, sessions: [idle] })).toBe('passed')
    expect(endOf({ at: 500, sessions: [session(1, { ...next, transactionStart: 'later' })] })).toBe('passed')
    expect(endOf({ at: 500, sessions: [] })).toBe('passed')
  })

  it('is judged by a later look: the server does not see sessions and locks at one instant', () => {
    const torn = { at: 500, sessions: [session(1, next), session(2)] }
    expect(endOf({ at: 510, sessions: [session(1, next)] }, 5_000, torn)).toBe('granted')
    const still = { at: 510, sessions: [session(1), session(2)], waits: ['datasets'], blockers: [2] }
    expect(endOf(still, 5_000, torn)).toBeUndefined()
  })

  it('is granted if the statement goes on: with a row lock, who stood ahead keeps its transaction', () => {
    expect(endOf({ at: 500, sessions: [session(1), session(2)] })).toBe('granted')
    expect(endOf({ at: 500, sessions: [session(1), session(2)], waits: ['a row'], blockers: [2] })).toBe(
      'granted',
    )
  })

  it('is unknown if the lock timeout and the end of who held the lock came together', () => {
    expect(endOf({ at: 5_100, sessions: [session(1, next)] })).toBe('unknown')
    expect(endOf({ at: 5_100, sessions: [session(1, next)] }, 0)).toBe('granted')
  })

  it('is refused if its statement was cancelled from here', () => {
    const waits = lockWaits(5_000)
    waits.look(snapshot({ at: 0, sessions: [session(1), session(2)], waits: ['datasets'], blockers: [2] }), [
      session(1),
    ])
    waits.noteCancelled(session(1))
    const after = session(1, next)
    expect(waits.look(snapshot({ at: 500, sessions: [after] }), [after])).toEqual([])
    expect(waits.wantsAnotherLook).toBe(true)
    expect(waits.look(snapshot({ at: 510, sessions: [after] }), [after])).toMatchObject([
      { verdict: 'refused', isCancelled: true },
    ])
    expect(waits.wantsAnotherLook).toBe(false)
  })
})
