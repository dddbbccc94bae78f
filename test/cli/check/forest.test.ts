import { describe, expect, it } from 'vitest'
import { forestLines } from '../../../src/cli/check/forest.ts'
import type { Block, LockWait, ServerSession, ServerSnapshot } from '../../../src/postgres/index.ts'
import { checkReport } from '../../../src/postgres/report/server-report.ts'
import { plain } from '../../../src/text/style.ts'

const server = {
  ...{ version: '18.4', versionNumber: 180_004, database: 'shop', databaseId: 1, role: 'checker' },
  ...{ seesAll: true, inRecovery: false },
}
const session = (pid: number, about: Partial<ServerSession> = {}): ServerSession => ({
  ...{ pid, hidden: false, backendType: 'client backend', backendStart: '2026-01-01' },
  ...{ application: 'api', user: 'app', database: 'shop', state: 'idle in transaction', stateMillis: 41_000 },
  query: 'SELECT 1',
  ...about,
})
const waits = (pid: number): LockWait => ({
  ...{ pid, lockType: 'relation', mode: 'AccessExclusiveLock', object: 'users' },
  ...{ target: 'public.users', millis: 1_000 },
})
const waiting = (pid: number) =>
  session(pid, { application: 'alembic', state: 'active', query: 'ALTER TABLE users ADD x int' })

function forest(sessions: ServerSession[], blocks: Block[], prepared: ServerSnapshot['prepared'] = []) {
  const blocked = [...new Set(blocks.map((block) => block.blocked))]
  const snapshot = {
    ...{ takenAt: '2026-01-01', server, sessions, waits: blocked.map(waits), blocks, prepared },
    hiddenSessions: 0,
  }
  const report = checkReport([snapshot], [], {
    ...{ minIdleMillis: 0, minWaitMillis: 0, queryText: 'redacted' },
    originOf: () => undefined,
  })
  return forestLines(report, { style: plain, columns: 80 }).join('\n')
}
const behind = (blocked: number, ...blockers: number[]): Block[] =>
  blockers.map((blockerPid) => ({ blocked, blockerPid, kind: 'hard' }))

describe('roots', () => {
  it('that are alike take as much room as one, with one command for all', () => {
    const leaks = [1, 2, 3, 4, 5, 6, 7, 8].map((pid) => session(pid, { stateMillis: pid * 1_000 }))
    expect(forest([...leaks, waiting(9)], behind(9, 1, 2, 3, 4, 5, 6, 7, 8))).toBe(`
8 alike, idle in transaction for 1 s to 8 s: each blocks 1 session
  pids 1, 2, 3, 4, 5, 6, 7, 8
  application api, user app, database shop
  last query: SELECT ?
└─ pid 9  waits 1 s for AccessExclusiveLock on public.users, also behind 7
     others
     application alembic, user app, database shop
     query: ALTER TABLE users ADD x int
  to end all that block pid 9: pg-lifeguard terminate --blocking 9`)
  })

  it('are shown one by one where they differ, or are few', () => {
    const text = forest(
      [session(1), session(2), session(3), session(4, { application: 'web' }), waiting(9)],
      behind(9, 1, 2, 3, 4),
    )
    expect(text.match(/^pid \d {2}idle in transaction/gm)).toHaveLength(4)
    expect(text.match(/to end it: pg-lifeguard terminate --pid \d/g)).toHaveLength(4)
  })

  it('that are a backup are not to be ended', () => {
    const text = forest([session(1, { application: 'pg_dump' }), waiting(9)], behind(9, 1))
    expect(text).toContain('wait for it, or end those behind it. It is a backup: ending it spoils it')
    expect(text).not.toContain('terminate')
    const many = [1, 2, 3, 4].map((pid) => session(pid, { application: 'pg_dump' }))
    const folded = forest([...many, waiting(9)], behind(9, 1, 2, 3, 4))
    expect(folded).toContain('4 alike')
    expect(folded).not.toContain('terminate')
  })

  it('that are an autovacuum give way, except one that prevents wraparound', () => {
    const vacuum = (query: string) => session(1, { backendType: 'autovacuum worker', state: 'active', query })
    expect(forest([vacuum('autovacuum: VACUUM public.users'), waiting(9)], behind(9, 1))).toContain(
      'gives way by itself within a second or so',
    )
    const text = forest(
      [vacuum('autovacuum: VACUUM public.users (to prevent wraparound)'), waiting(9)],
      behind(9, 1),
    )
    expect(text).toContain('it prevents transaction ID wraparound, so it does not give way: wait for it')
    expect(text).not.toContain('gives way')
  })

  it('that are a prepared transaction have two statements to paste', () => {
    const prepared = [
      { gid: "it's", owner: 'app', database: 'shop', preparedAt: '2026-01-01', millis: 41_000 },
    ]
    expect(forest([waiting(9)], [{ blocked: 9, blockerGid: "it's", kind: 'hard' }], prepared)).toContain(`
  to end it, in database shop, as its owner or a superuser:
    ROLLBACK PREPARED 'it''s';
  or, if its distributed transaction was committed elsewhere:
    COMMIT PREPARED 'it''s';`)
  })
})
