import { describe, expect, it } from 'vitest'
import type { ApplicationReport, LockHolderReport, SlotsReport } from '../../../src/cli/check/survey.ts'
import {
  advisoryLockLines,
  applicationLines,
  invalidIndexLines,
  slotLines,
} from '../../../src/cli/check/survey-text.ts'
import { plain } from '../../../src/text/style.ts'

const options = { style: plain }
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe('a session that holds advisory locks', () => {
  const holder = (pid: number, about: Partial<LockHolderReport> = {}): LockHolderReport => ({
    session: { pid, application: 'web', user: 'app', state: 'idle', stateMillis: 41_000 },
    locks: [{ key: '72707369', tool: 'Prisma' }, { key: '7, -3' }],
    ...about,
  })

  it('is shown with its keys, the tool that uses them, and the command that ends it', () => {
    expect(advisoryLockLines({ advisoryLocks: [holder(7)] }, options)).toEqual([
      'pid 7  holds advisory locks 72707369 (Prisma); 7, -3, idle for 41 s',
      '  application web, user app',
      '  if it is no longer used: pg-lifeguard terminate --pid 7',
    ])
  })

  it('that must not be ended has the reason in place of the command', () => {
    const session = { pid: 7, spared: 'a migration run by pg-lifeguard' }
    const text = advisoryLockLines({ advisoryLocks: [holder(7, { session })] }, options).join('\n')
    expect(text).toContain('a migration run by pg-lifeguard')
    expect(text).not.toContain('terminate')
  })

  it('has eight of its keys named, and the rest counted', () => {
    const locks = upTo(10).map((key) => ({ key: `${key}` }))
    const [first] = advisoryLockLines({ advisoryLocks: [holder(7, { locks })] }, options)
    expect(first).toContain('holds advisory locks 1; 2; 3; 4; 5; 6; 7; 8 and 2 more, idle')
  })

  it('is one of five that are shown; --json has the rest', () => {
    const text = advisoryLockLines({ advisoryLocks: upTo(7).map((pid) => holder(pid)) }, options)
    expect(text.filter((line) => line.startsWith('pid '))).toHaveLength(5)
    expect(text.at(-1)).toBe('and 2 more sessions; --json has them all')
    const five = advisoryLockLines({ advisoryLocks: upTo(5).map((pid) => holder(pid)) }, options)
    expect(five.join('\n')).not.toContain('more session')
  })
})

it('an invalid index is named with its table; the statement that drops it stays on a line of its own', () => {
  const drop = `DROP INDEX CONCURRENTLY public.${'long_'.repeat(10)}idx;`
  const index = { name: 'public.items_idx', table: 'items', drop }
  const lines = invalidIndexLines({ invalidIndexes: [index] }, { ...options, columns: 50 })
  expect(lines[0]).toMatch(/^ {2}public\.items_idx on items: no query uses it/)
  expect(lines.at(-1)).toBe(`    ${drop}`)
})

describe('slots', () => {
  const byApplication = [{ application: 'web', database: 'shop', count: 1, states: { idle: 1 }, pids: [4] }]
  const slots = (about: Partial<SlotsReport>) =>
    slotLines(
      { slots: { max: 103, reserved: 3, used: 1, usedByDatabase: 1, byApplication, ...about } },
      options,
    )

  it('are shown from four fifths of those that are not reserved on', () => {
    expect(slots({ used: 79 })).toEqual([])
    expect(slots({ used: 80 })).toEqual([
      '80 of 103 are in use; the last 3 are reserved, mostly for superusers',
      '  1  application web, database shop: idle, pid 4',
    ])
  })

  it("are shown as well from four fifths of the database's own limit on", () => {
    expect(slots({ databaseLimit: 10, usedByDatabase: 7 })).toEqual([])
    expect(slots({ databaseLimit: 10, usedByDatabase: 8 })[0]).toMatch(
      /This database uses 8 of its limit of 10$/,
    )
  })
})

describe('applications', () => {
  const app = (
    name: string | undefined,
    count: number,
    states: Record<string, number>,
  ): ApplicationReport => ({
    ...(name === undefined ? {} : { application: name }),
    ...{ user: 'app', database: 'shop', count, states, pids: upTo(count) },
  })

  it('have their counts aligned, their most frequent state first and some of their pids', () => {
    const lines = applicationLines(
      [app('web', 10, { active: 3, idle: 7 }), app(undefined, 1, { idle: 1 })],
      false,
      options,
    )
    expect(lines).toEqual([
      '  10  application web, user app: 7 idle, 3 active',
      '      pids 1, 2, 3, 4, 5, 6 and 4 more',
      '   1  no application name, user app: idle, pid 1',
    ])
  })

  it('beyond twelve are counted with their sessions', () => {
    const many = upTo(14).map((nth) => app(`app-${nth}`, 2, { idle: 2 }))
    const lines = applicationLines(many, true, options)
    expect(lines.at(-1)).toBe('  and 4 of 2 other applications')
    expect(lines.join('\n')).toContain('application app-12, user app, database shop')
    expect(lines.join('\n')).not.toContain('app-13')
  })
})
