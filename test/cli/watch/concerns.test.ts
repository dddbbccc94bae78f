import { describe, expect, it } from 'vitest'
import { concernsOf } from '../../../src/cli/watch/concerns.ts'
import type { Block, ServerSession, ServerSnapshot } from '../../../src/postgres/index.ts'
import { checkReport } from '../../../src/postgres/report/server-report.ts'

const client = (pid: number, more: Partial<ServerSession> = {}): ServerSession => ({
  ...{ pid, hidden: false, backendType: 'client backend', backendStart: `start of ${pid}`, state: 'active' },
  ...more,
})
const idle = client(1, { state: 'idle in transaction', stateMillis: 60_000 })
const waits = (pid: number, millis: number) => ({
  ...{ pid, millis, lockType: 'relation', mode: 'ShareLock', target: 'public.t', object: `relation ${pid}` },
})
const hard = (blocked: number, blockerPid: number): Block => ({ blocked, blockerPid, kind: 'hard' })

function snapshotOf(more: Partial<ServerSnapshot>): ServerSnapshot {
  return {
    takenAt: '2026-01-01',
    server: {
      ...{ version: '18.4', versionNumber: 180_004, database: 'shop', databaseId: 1, role: 'checker' },
      ...{ seesAll: true, inRecovery: false },
    },
    ...{ sessions: [], waits: [], blocks: [], prepared: [], hiddenSessions: 0, ...more },
  }
}

function reportOf(snapshot: ServerSnapshot) {
  const options = { minIdleMillis: 30_000, minWaitMillis: 0, queryText: 'redacted' } as const
  // Two looks that agree: that is what makes a cycle a deadlock.
  return checkReport([snapshot, snapshot], [], { ...options, originOf: () => undefined })
}

const concerns = (more: Partial<ServerSnapshot>) => {
  const snapshot = snapshotOf(more)
  return [...concernsOf(reportOf(snapshot), snapshot).values()]
}

describe('a session', () => {
  it('that blocks counts all behind it, directly or not, and the longest wait', () => {
    const sessions = [idle, client(2), client(3)]
    const found = concerns({
      sessions,
      waits: [waits(2, 9_000), waits(3, 4_000)],
      blocks: [hard(2, 1), hard(3, 2)],
    })
    // It idles in its transaction, too, which is no concern of its own.
    expect(found).toMatchObject([
      { id: 'pid 1', kind: 'blocks', blocked: 2, millis: 9_000, session: { pid: 1 } },
    ])
    expect(found).toHaveLength(1)
  })

  it('that idles in its transaction for the limit is a concern, and one that does for less is none', () => {
    const short = client(2, { state: 'idle in transaction', stateMillis: 29_000 })
    const found = concerns({ sessions: [idle, short] })
    expect(found.map(({ id, kind, blocked, millis }) => [id, kind, blocked, millis])).toEqual([
      ['pid 1', 'idle-in-transaction', 0, 60_000],
    ])
  })

  it('is another one if it has the pid of one that is gone, and the same if it begins to block', () => {
    const keyOf = (more: Partial<ServerSnapshot>) => concerns(more)[0]?.key
    const key = keyOf({ sessions: [idle] })
    expect(keyOf({ sessions: [{ ...idle, stateMillis: 90_000 }, client(2)], blocks: [hard(2, 1)] })).toBe(key)
    expect(keyOf({ sessions: [{ ...idle, backendStart: 'later' }] })).not.toBe(key)
  })
})

describe('a prepared transaction', () => {
  const prepared = { owner: 'app', database: 'shop', preparedAt: '', millis: 60_000 }

  it.each([
    ['transfer', "gid 'transfer'"],
    ['a\u001b[2J\nb', "gid 'a\ufffd[2J b'"],
  ])('is one concern also where it blocks, with a name that can be printed: %j', (gid, id) => {
    const alone = concerns({ prepared: [{ ...prepared, gid }] })
    expect(alone).toMatchObject([{ key: id, id, kind: 'prepared', millis: 60_000 }])
    const blocking = concerns({
      sessions: [client(2)],
      waits: [waits(2, 5_000)],
      blocks: [{ blocked: 2, blockerGid: gid, kind: 'hard' }],
      prepared: [{ ...prepared, gid }],
    })
    expect(blocking).toMatchObject([{ key: id, id, kind: 'blocks', blocked: 1, millis: 5_000 }])
    expect(blocking).toHaveLength(1)
  })

  it('that could not be identified is a concern, too', () => {
    const blocks = [{ blocked: 2, blockerGid: '?', kind: 'hard' }] as const
    expect(concerns({ sessions: [client(2)], blocks })).toMatchObject([
      { id: "gid '?'", kind: 'blocks', prepared: { gid: '?' } },
    ])
  })
})

it('a deadlock is one concern of all its members, whichever comes first', () => {
  const sessions = [client(2), client(3)]
  const blocks = [hard(2, 3), hard(3, 2)]
  const found = concerns({ sessions, blocks })
  expect(found).toEqual([
    { key: 'deadlock pid 2, pid 3', id: 'pid 2, pid 3', kind: 'deadlock', blocked: 2, millis: 0 },
  ])
  expect(concerns({ sessions, blocks: blocks.toReversed() })).toEqual(found)
})

it('a server where nobody waits or idles has none', () => {
  expect(concerns({ sessions: [client(1), client(2, { state: 'idle', stateMillis: 90_000 })] })).toEqual([])
})
