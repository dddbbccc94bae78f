import { describe, expect, it } from 'vitest'
import { exitCodeOf } from '../../../src/cli/check/command.ts'
import { exitCode } from '../../../src/cli/exit-code.ts'
import type { LockWait, ServerSession, ServerSnapshot } from '../../../src/postgres/index.ts'
import { checkReport, type ReportOptions } from '../../../src/postgres/report/server-report.ts'

const server = {
  ...{ version: '18.4', versionNumber: 180_004, database: 'shop', databaseId: 1, role: 'checker' },
  ...{ seesAll: true, inRecovery: false },
}
const snapshotOf = (about: Partial<ServerSnapshot>): ServerSnapshot => ({
  ...{ takenAt: '2026-01-01', server, sessions: [], waits: [], blocks: [], prepared: [], hiddenSessions: 0 },
  ...about,
})
const idle = (pid: number, stateMillis: number, state = 'idle in transaction'): ServerSession => ({
  ...{ pid, hidden: false, backendType: 'client backend', state, stateMillis },
})
const active = (pid: number): ServerSession => idle(pid, 90_000, 'active')
const waits = (pid: number, millis: number): LockWait => ({
  ...{ pid, lockType: 'relation', mode: 'ShareLock', target: 'public.users', object: 'users', millis },
})
const prepared = (gid: string, millis: number) => ({
  ...{ gid, owner: 'app', database: 'shop', preparedAt: '2026-01-01', millis },
})
const options: ReportOptions = {
  ...{ minIdleMillis: 30_000, minWaitMillis: 0, queryText: 'redacted' },
  originOf: () => undefined,
}
const report = (about: Partial<ServerSnapshot>, own: Partial<ReportOptions> = {}) =>
  checkReport([snapshotOf(about)], [], { ...options, ...own })

describe('idle in a transaction', () => {
  it('for the limit or longer is found, failed or not, the longest first; the others are counted', () => {
    const sessions = [
      ...[idle(1, 30_000), idle(2, 29_999), idle(3, 60_000, 'idle in transaction (aborted)')],
      ...[active(4), idle(5, 90_000, 'idle')],
    ]
    const found = report({ sessions })
    expect(found.idleInTransaction.map(({ pid }) => pid)).toEqual([3, 1])
    expect(found).toMatchObject({ verdict: 'found', idleForLess: 1, idleLimitMillis: 30_000 })
    expect(exitCodeOf(found)).toBe(exitCode.found)
  })

  it('for less leaves the server clean', () => {
    const clean = report({ sessions: [idle(1, 29_999)] })
    expect(clean).toMatchObject({ verdict: 'clean', idleForLess: 1, idleInTransaction: [] })
    expect(exitCodeOf(clean)).toBe(exitCode.clean)
  })
})

describe('a server that is not all visible', () => {
  const hidden = { hiddenSessions: 2, missingGrant: 'GRANT pg_read_all_stats TO checker' }

  it('is not called clean, and says which grant is missing', () => {
    const partial = report(hidden)
    expect(partial).toMatchObject({ ...hidden, verdict: 'not-all-visible' })
    expect(exitCodeOf(partial)).toBe(exitCode.notAllVisible)
  })

  it('is found to have a problem if what can be seen is one', () => {
    expect(exitCodeOf(report({ ...hidden, sessions: [idle(1, 30_000)] }))).toBe(exitCode.found)
  })
})

describe('blocking', () => {
  const blocked = {
    sessions: [idle(1, 1_000), active(2), active(3)],
    waits: [waits(2, 5_000), waits(3, 4_999)],
    blocks: [
      { blocked: 2, blockerPid: 1, kind: 'hard' },
      { blocked: 3, blockerPid: 1, kind: 'hard' },
    ],
  } as const

  it('is found however short the idle time of the root', () => {
    const found = report(blocked)
    expect(found).toMatchObject({ verdict: 'found', roots: ['pid 1'], idleInTransaction: [] })
    expect(found.blocking.map(({ session }) => session?.pid)).toEqual([1, 2, 3])
    expect(found.blocking[1]?.session?.waitsFor).toEqual({
      ...{ mode: 'ShareLock', target: 'public.users', millis: 5_000 },
    })
  })

  it('for less than the shortest wait is left out, and nothing is found if no wait is longer', () => {
    const some = report(blocked, { minWaitMillis: 5_000 })
    expect(some.blocking.map(({ id }) => id)).toEqual(['pid 1', 'pid 2'])
    expect(report(blocked, { minWaitMillis: 5_001 })).toMatchObject({ verdict: 'clean', blocking: [] })
  })

  it('by a prepared transaction that could not be identified has its place in the tree', () => {
    const blocks = [{ blocked: 2, blockerGid: '?', kind: 'hard' }] as const
    const found = report({ sessions: [active(2)], waits: [waits(2, 1)], blocks })
    expect(found.roots).toEqual(["gid '?'"])
    expect(found.blocking[0]).toMatchObject({ prepared: { gid: '?' }, blocks: ['pid 2'] })
  })
})

it('prepared transactions are found from the limit on, with the statements that end them', () => {
  const found = report({ prepared: [prepared("it's", 30_000), prepared('young', 29_999)] })
  expect(found).toMatchObject({ verdict: 'found', prepared: [{ gid: "it's" }] })
  expect(found.prepared).toHaveLength(1)
  expect(found.prepared[0]?.rollback).toBe("ROLLBACK PREPARED 'it''s';")
})

describe('a cycle', () => {
  const cycle = snapshotOf({
    sessions: [active(1), active(2)],
    waits: [waits(1, 1_000), waits(2, 1_000)],
    blocks: [
      { blocked: 1, blockerPid: 2, kind: 'hard' },
      { blocked: 2, blockerPid: 1, kind: 'hard' },
    ],
  })

  it('is a deadlock if a second look shows it again', () => {
    expect(checkReport([cycle], [], options).deadlocks).toEqual([])
    const twice = checkReport([cycle, cycle], [], options)
    expect(twice.deadlocks.map((ids) => ids.toSorted())).toEqual([['pid 1', 'pid 2']])
    expect(twice.roots).toEqual([])
  })

  it('that is gone at the second look is gone from the report', () => {
    const later = snapshotOf({ takenAt: '2026-01-02' })
    const gone = checkReport([cycle, later], [], options)
    expect(gone).toMatchObject({ takenAt: '2026-01-02', verdict: 'clean', blocking: [], deadlocks: [] })
  })
})

it('names the server: a standby as such, and an address only where there is one', () => {
  const { version, database, role } = server
  expect(report({}).server).toEqual({ version, database, role })
  const standby = { ...server, address: '10.0.0.7', port: 5433, inRecovery: true }
  const place = { address: '10.0.0.7', port: 5433 }
  expect(report({ server: standby }).server).toEqual({ version, database, role, ...place, standby: true })
})
