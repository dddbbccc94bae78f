import { describe, expect, it } from 'vitest'
import { checkText, type SurveyedReport } from '../../../src/cli/check/text.ts'
import type { SessionReport } from '../../../src/postgres/report/session-report.ts'
import { plain } from '../../../src/text/style.ts'

const clean: SurveyedReport = {
  takenAt: '2026-01-01',
  server: { version: '18.4', database: 'shop', role: 'checker' },
  ...{ verdict: 'clean', roots: [], blocking: [], deadlocks: [], prepared: [], safetyNets: [] },
  ...{ idleLimitMillis: 30_000, idleInTransaction: [], idleForLess: 0, hiddenSessions: 0 },
}
const text = (about: Partial<SurveyedReport> = {}) => checkText({ ...clean, ...about }, { style: plain })
const found = (about: Partial<SurveyedReport>) => text({ verdict: 'found', ...about })
const idle = (pid: number, about: Partial<SessionReport> = {}): SessionReport => ({
  ...{ pid, application: 'web', client: `10.0.0.7:${pid}`, state: 'idle in transaction' },
  ...{ stateMillis: pid * 10_000, query: 'SELECT ?', ...about },
})

describe('a clean server', () => {
  it('is named, and has nothing but the good news', () => {
    expect(text()).toBe(`PostgreSQL 18.4 over a local socket, database shop, as checker

Nothing blocks, and no session is idle in a transaction for 30 s or longer`)
  })

  it('may have sessions that are idle in a transaction for less', () => {
    expect(text({ idleForLess: 2 })).toMatch(/for 30 s or longer \(2 for less than 30 s\)$/)
  })

  it('is a standby where it is one', () => {
    const server = { ...clean.server, address: '10.0.0.1', port: 5433, standby: true as const }
    expect(text({ server })).toContain('PostgreSQL 18.4 at 10.0.0.1:5433, a standby, database shop')
  })
})

it('does not promise more than the role can see, and names the grant', () => {
  const hidden = { hiddenSessions: 1, missingGrant: 'GRANT pg_read_all_stats TO checker' }
  const partial = text({ ...hidden, verdict: 'not-all-visible' })
  expect(partial).toContain('\nOf what can be seen, nothing blocks')
  expect(partial).toMatch(
    /\n1 session cannot be seen by this role\. To see all: GRANT pg_read_all_stats TO checker$/,
  )
  expect(found({ ...hidden, idleInTransaction: [idle(1)] })).toContain('1 session cannot be seen')
})

describe('sessions that are idle in a transaction', () => {
  it('are shown one by one while they are few, and counted', () => {
    const few = found({ idleInTransaction: [3, 2, 1].map((pid) => idle(pid)), idleForLess: 4 })
    expect(few.match(/^pid \d {2}idle in transaction for \d0 s$/gm)).toHaveLength(3)
    expect(few).toContain('application web, client 10.0.0.7:2')
    expect(few).toMatch(
      /\n3 sessions idle in a transaction for 30 s or longer \(4 more for less than 30 s\)$/,
    )
  })

  it('are one entry where more than three are alike, with every pid and without a client', () => {
    const sessions = [4, 3, 2, 1].map((pid) => idle(pid))
    const folded = found({ idleInTransaction: [...sessions, idle(9, { application: 'batch' })] })
    expect(folded).toContain(`Idle in transaction for 30 s or longer
4 alike, idle in transaction for 10 s to 40 s
  pids 4, 3, 2, 1
  application web
  last query: SELECT ?

pid 9  idle in transaction for 1 min 30 s
  application batch, client 10.0.0.7:9
`)
    expect(folded).toContain('\n5 sessions idle in a transaction')
  })
})

describe('prepared transactions', () => {
  const one = { gid: 'transfer', owner: 'app', database: 'shop', millis: 60_000 }
  const cure = { rollback: "ROLLBACK PREPARED 'transfer';", commit: "COMMIT PREPARED 'transfer';" }
  const prepared = { ...one, ...cure }

  it('that block nobody are a finding of their own', () => {
    const report = found({ prepared: [prepared] })
    expect(report).toContain("Prepared transactions\nprepared transaction 'transfer' for 1 min, owner app")
    expect(report.match(/ROLLBACK PREPARED/g)).toHaveLength(1)
    expect(report).toMatch(/\n1 prepared transaction for 30 s or longer$/)
  })

  it('that block are shown once, as roots', () => {
    const root = "gid 'transfer'"
    const node = { blockedBy: [], behind: [], blocks: ['pid 2'], roots: [root] }
    const blockedBy = [{ id: root, kind: 'hard' as const }]
    const waiter = { id: 'pid 2', blockedBy, behind: [root], blocks: [], roots: [root] }
    const report = found({
      prepared: [prepared],
      roots: [root],
      blocking: [
        { ...node, id: root, prepared },
        { ...waiter, session: { pid: 2, state: 'active', waitsFor: { target: 'public.users' } } },
      ],
    })
    expect(report).toContain("Who blocks whom\nprepared transaction 'transfer'")
    expect(report.match(/ROLLBACK PREPARED/g)).toHaveLength(1)
    expect(report).toMatch(/\n1 root blocks 1 session$/)
  })
})

it('connected sessions are counted over all applications, below the name of the database', () => {
  const connected = [
    { application: 'web', database: 'shop', count: 2, states: { idle: 2 }, pids: [1, 2] },
    { application: 'batch', database: 'shop', count: 1, states: { active: 1 }, pids: [3] },
  ]
  expect(text({ connected })).toContain(
    'Connected to database shop: 3 sessions\n  2  application web: 2 idle',
  )
})

it('safety nets that are off come with their statement; those that are on are no news', () => {
  const net = (setting: string, isOn: boolean) => ({
    ...{ setting, isOn, value: isOn ? '10s' : '0', purpose: 'limits harm', roles: [] },
    statement: `ALTER DATABASE shop SET ${setting} = '10s';`,
  })
  const own = { ...net('lock_timeout', false), roles: [{ role: 'batch', value: '5s' }] }
  const report = text({ safetyNets: [net('statement_timeout', true), own] })
  expect(report).toMatch(
    /Safety nets that are off in database shop\n {2}lock_timeout: limits harm \(batch has 5s\)\n/,
  )
  expect(report).toMatch(/\n {4}ALTER DATABASE shop SET lock_timeout = '10s';$/)
  expect(report).not.toContain('statement_timeout')
})
