import { describe, expect, it } from 'vitest'
import { summaryLines } from '../../../src/cli/check/summary.ts'
import type { Survey } from '../../../src/cli/check/survey.ts'
import type { CheckReport } from '../../../src/postgres/report/server-report.ts'
import { plain } from '../../../src/text/style.ts'

const clean: CheckReport = {
  takenAt: '2026-01-01',
  server: { version: '18.4', database: 'shop', role: 'checker' },
  ...{ verdict: 'clean', roots: [], blocking: [], deadlocks: [], prepared: [], safetyNets: [] },
  ...{ idleLimitMillis: 30_000, idleInTransaction: [], idleForLess: 0, hiddenSessions: 0 },
}
const nothing = 'Nothing blocks, and no session is idle in a transaction for 30 s or longer'
const summary = (about: Partial<CheckReport & Survey> = {}) =>
  summaryLines({ ...clean, ...about }, { style: plain }).join('\n')

const idleInTransaction = [{ pid: 1, state: 'idle in transaction', stateMillis: 40_000 }]
const prepared = [{ gid: 'transfer', millis: 60_000 }]
const tree = { behind: [], roots: ['pid 3'] }
const blocking = [
  { ...tree, id: 'pid 3', blockedBy: [], blocks: ['pid 4'], session: { pid: 3 } },
  {
    ...tree,
    id: 'pid 4',
    blockedBy: [{ id: 'pid 3', kind: 'hard' as const }],
    blocks: [],
    session: { pid: 4 },
  },
]
const blocks = { roots: ['pid 3'], blocking }
const survey = {
  advisoryLocks: [{ session: { pid: 7, state: 'idle' }, locks: [{ key: '42' }] }],
  invalidIndexes: [{ name: 'public.broken', table: 'items', drop: 'DROP INDEX' }],
  slots: { max: 100, reserved: 3, used: 90, usedByDatabase: 9, databaseLimit: 10, byApplication: [] },
} satisfies Survey

describe('the summary', () => {
  it('counts each kind of fact that the report shows', () => {
    expect(
      summary({
        verdict: 'found',
        ...blocks,
        deadlocks: [['pid 5', 'pid 6']],
        prepared,
        idleInTransaction,
        ...survey,
      }),
    ).toBe(
      '1 root blocks 1 session, 1 deadlock, 1 prepared transaction for 30 s or longer, ' +
        '1 session idle in a transaction for 30 s or longer, 1 idle session with advisory locks, 1 invalid index, ' +
        '90 of 100 slots in use, 9 of 10 slots of this database in use',
    )
  })

  it.each([
    [
      'prepared transactions beside idle sessions',
      { prepared, idleInTransaction },
      '1 prepared transaction for',
    ],
    ['prepared transactions beside roots', { prepared, ...blocks }, '1 prepared transaction for'],
    ['deadlocks beside roots', { deadlocks: [['pid 5', 'pid 6']], ...blocks }, '1 deadlock'],
    ['invalid indexes beside roots', { ...survey, ...blocks }, '1 invalid index'],
  ])('counts %s', (_name, about, text) => {
    expect(summary({ verdict: 'found', ...about })).toContain(text)
  })

  it('counts a prepared transaction that blocks only as a root', () => {
    const root = {
      ...tree,
      id: "gid 'transfer'",
      blockedBy: [],
      blocks: ['pid 4'],
      prepared: { gid: 'transfer' },
    }
    const waiter = { ...tree, id: 'pid 4', blockedBy: [{ id: root.id, kind: 'hard' as const }], blocks: [] }
    expect(summary({ verdict: 'found', roots: [root.id], blocking: [root, waiter], prepared })).toBe(
      '1 root blocks 1 session',
    )
  })

  it('has the further facts of a clean server, too', () => {
    expect(summary()).toBe(nothing)
    const { slots: _, ...rest } = survey
    expect(summary(rest)).toBe(`${nothing}; 1 idle session with advisory locks, 1 invalid index`)
  })

  it('does not count slots while enough are free', () => {
    const slots = { max: 100, reserved: 3, used: 10, usedByDatabase: 5, databaseLimit: 10, byApplication: [] }
    expect(summary({ slots })).toBe(nothing)
  })

  it('has sessions that are idle for less beside those that are idle for longer', () => {
    expect(summary({ idleForLess: 2 })).toBe(`${nothing} (2 for less than 30 s)`)
    expect(
      summary({ verdict: 'found', ...blocks, idleForLess: 2, invalidIndexes: survey.invalidIndexes }),
    ).toBe('1 root blocks 1 session (2 idle in a transaction for less than 30 s), 1 invalid index')
    expect(summary({ verdict: 'found', idleInTransaction, idleForLess: 2 })).toBe(
      '1 session idle in a transaction for 30 s or longer (2 more for less than 30 s)',
    )
  })
})
