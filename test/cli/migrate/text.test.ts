import { describe, expect, it } from 'vitest'
import type { MigrateEvent } from '../../../src/cli/migrate/events.ts'
import { migrateText } from '../../../src/cli/migrate/text.ts'
import type { SessionReport } from '../../../src/postgres/report/session-report.ts'
import { plain } from '../../../src/text/style.ts'

const blocker = {
  pid: 11,
  application: 'web',
  state: 'idle in transaction',
  stateMillis: 60_000,
  query: 'SELECT 1',
}
const waiting: MigrateEvent = {
  event: 'waiting',
  session: {
    pid: 22,
    waitsFor: { mode: 'AccessExclusiveLock', target: 'public.datasets', millis: 1_200 },
  },
  behind: [{ id: 'pid 11', session: blocker }],
  between: [33],
}
const ended = { pid: 22, outcome: 'ended' } as const

const events: readonly MigrateEvent[] = [
  { event: 'started', target: 'database shop', lockTimeoutMillis: 5_000, retries: 1 },
  { event: 'without-options', reason: '--no-pgoptions', isBlind: true },
  waiting,
  { event: 'granted', pid: 22, waitedMillis: 205 },
  {
    event: 'refused',
    pid: 22,
    waitedMillis: 5_000,
    target: 'public.datasets',
    query: 'ALTER TABLE datasets',
  },
  {
    event: 'deadlock',
    pid: 22,
    waitedMillis: 1_000,
    target: 'public.datasets',
    query: 'ALTER TABLE datasets',
  },
  { event: 'spared', session: blocker, reason: 'a backup: ending it spoils it' },
  { ...waiting, unverified: true, doubt: 'pooler', nobodyQueues: true, deadlock: true },
  { event: 'refused', pid: 22, waitedMillis: 5_000, target: 'the end of virtual transaction 3/7' },
  { ...waiting, unverified: true, doubt: 'ended-early' },
  { ...waiting, unverified: true, doubt: 'elsewhere' },
  { event: 'left-open', session: blocker, unverified: true, doubt: 'ended-early' },
  {
    ...{ event: 'invalid-index', name: 'public.i', table: 'datasets', isOlder: true },
    drop: 'DROP INDEX CONCURRENTLY public.i;',
  },
  {
    ...{ event: 'pending-detach', partition: 'public.p', parent: 'public.t' },
    finalize: 'ALTER TABLE public.t DETACH PARTITION public.p FINALIZE;',
  },
  { event: 'prisma-failed', migration: '20260101000000_add_name' },
  { event: 'knex-lock', table: 'public.knex_migrations_lock' },
  { event: 'advisory-lock', key: '1, 2', session: blocker },
  { event: 'advisory-lock', key: '72707369', session: blocker, tool: 'Prisma' },
  { event: 'committed', relations: [] },
  { event: 'committed', relations: ['public.a', 'public.b', 'public.c', 'public.d'] },
  { event: 'self-blocked', pid: 22 },
  { event: 'terminated-elsewhere', pid: 22 },
  { event: 'unseen', target: 'database shop at db:5432 as app', isFailed: true },
  { event: 'freed', session: blocker, result: { pid: 11, outcome: 'ended' } },
  { event: 'cancelled', pid: 22, why: 'readers', behind: 3, result: ended },
  { event: 'holds', pid: 22, behind: 1 },
  { event: 'left-open', session: blocker },
  { event: 'invalid-index', name: 'public.i', table: 'datasets', drop: 'DROP INDEX CONCURRENTLY public.i;' },
  { event: 'retry', number: 1, of: 5, pauseMillis: 1_000 },
  { event: 'gave-up', attempts: 6 },
  { event: 'false-success', target: 'public.datasets', query: 'ALTER TABLE datasets' },
  { event: 'not-started', reason: 'tool: command not found' },
  { event: 'unseen', target: 'database shop at db:5432 as app' },
  { event: 'lost', reason: 'the connection was lost' },
  { event: 'back' },
]

describe('an event for people', () => {
  it('names the session at the front, and those in between', () => {
    expect(migrateText(waiting, { style: plain })).toBe(
      `pg-lifeguard: pid 22 of the command waits 1.2 s for AccessExclusiveLock on public.datasets, behind
  pid 11  idle in transaction for 1 min
    application web
    last query: SELECT 1
  between them: pid 33`,
    )
  })

  it('is a title, and details below it that are indented', () => {
    for (const event of events) {
      const [title, ...details] = migrateText(event, { style: plain }).split('\n')
      expect(title).toMatch(/^pg-lifeguard: \S/)
      for (const line of details) expect(line).toMatch(/^ {2,}\S/)
    }
  })

  it('says of an autovacuum against wraparound that it does not give way, and of no other', () => {
    const text = (about: Partial<SessionReport>) => {
      const session = { pid: 11, backendType: 'autovacuum worker', ...about }
      return migrateText({ ...waiting, behind: [{ id: 'pid 11', session }] }, { style: plain })
    }
    expect(text({ preventsWraparound: true })).toContain('it does not give way')
    expect(text({})).not.toContain('give way')
  })

  it('names a prepared transaction with both statements that end it, each to be pasted', () => {
    const prepared = {
      gid: 'x',
      database: 'shop',
      rollback: "ROLLBACK PREPARED 'x';",
      commit: "COMMIT PREPARED 'x';",
    }
    const text = migrateText(
      { ...waiting, behind: [{ id: "gid 'x'", prepared }], between: [] },
      { style: plain, columns: 80 },
    )
    expect(text.split('\n').map((line) => line.trim())).toEqual(
      expect.arrayContaining([prepared.rollback, prepared.commit]),
    )
  })

  it('keeps to the width of the terminal, except for statements that are to be pasted', () => {
    for (const event of events) {
      const lines = migrateText(event, { style: plain, columns: 80 }).split('\n')
      for (const line of lines.filter((one) => !/DROP INDEX|FINALIZE|npx prisma/.test(one))) {
        expect(line.length, line).toBeLessThanOrEqual(80)
      }
    }
  })

  it('lets no name or statement steer the terminal', () => {
    const evil = 'public."\u001b]0;x\u0007"'
    const refused: MigrateEvent = { event: 'refused', pid: 22, waitedMillis: 1, target: evil }
    const index: MigrateEvent = { event: 'invalid-index', name: evil, table: evil, drop: evil }
    for (const event of [refused, index]) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      expect(migrateText(event, { style: plain })).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
    }
  })
})
