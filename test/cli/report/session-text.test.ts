import { describe, expect, it } from 'vitest'
import {
  detailLines,
  listLines,
  ownerText,
  preparedText,
  stateText,
  waitText,
} from '../../../src/cli/report/session-text.ts'
import type { ServerSession, ServerSnapshot } from '../../../src/postgres/index.ts'
import { preparedReport, sessionReport } from '../../../src/postgres/report/session-report.ts'
import { plain } from '../../../src/text/style.ts'

const inPipe = { style: plain }
const minute = 60_000

describe('the state of a session', () => {
  it('has the age of its transaction only where that is another one', () => {
    const idle = { pid: 1, state: 'idle in transaction', stateMillis: 41 * minute }
    expect(stateText({ ...idle, transactionMillis: 41 * minute + 900 })).toBe(
      'idle in transaction for 41 min',
    )
    expect(stateText({ ...idle, transactionMillis: 60 * minute })).toBe(
      'idle in transaction for 41 min, transaction open for 1 h',
    )
  })

  it('is named as far as the role may see it', () => {
    expect(stateText({ pid: 1, hidden: true, state: 'active' })).toBe('hidden from this role')
    expect(stateText({ pid: 1, backendType: 'startup' })).toBe('startup, state unknown')
    expect(stateText({ pid: 1, backendType: 'autovacuum worker', state: 'active', stateMillis: 3_000 })).toBe(
      'autovacuum worker, active for 3 s',
    )
  })
})

describe('the owner of a session', () => {
  it('is its application, user, database and client', () => {
    const owner = { application: 'api', user: 'app', database: 'shop' }
    expect(ownerText({ pid: 1, ...owner, client: '10.0.0.7:5000' })).toBe(
      'application api, user app, database shop, client 10.0.0.7:5000',
    )
    expect(ownerText({ pid: 1, user: 'app', client: 'local' })).toBe(
      'no application name, user app, local socket',
    )
  })

  it('is the server for a process of its own', () => {
    expect(ownerText({ pid: 1, backendType: 'checkpointer' })).toBe("the server's own process checkpointer")
  })
})

it('names the lock that a session waits for, and for how long', () => {
  const target = 'public.accounts'
  expect(waitText({ pid: 1, waitsFor: { mode: 'AccessExclusiveLock', target, millis: 4_100 } })).toBe(
    'waits 4.1 s for AccessExclusiveLock on public.accounts',
  )
  expect(waitText({ pid: 1, waitsFor: { target } })).toBe('waits for public.accounts')
  expect(waitText({ pid: 1 })).toBeUndefined()
})

describe('the lines below a session', () => {
  it('tell the statement that runs from the last one, and cut it to the width of the terminal', () => {
    const session = { pid: 1, application: 'api', query: `SELECT ${'x'.repeat(50)}` }
    expect(detailLines({ ...session, state: 'active' }, '  ', inPipe)[1]).toBe(`  query: ${session.query}`)
    const [, cut = ''] = detailLines({ ...session, state: 'idle' }, '  ', { style: plain, columns: 44 })
    expect(cut).toMatch(/^ {2}last query: SELECT x+\.\.\.$/)
    expect(cut).toHaveLength(44)
  })

  it('say where it was opened, or who holds it behind a pooler, and what speaks against it', () => {
    const origin = { source: 'application', text: 'src/orders.ts:42' } as const
    expect(detailLines({ pid: 1, origin }, '', inPipe)[1]).toBe('opened at src/orders.ts:42')
    const unverified = 'the pooler may have lent it to somebody else'
    const pooled = { source: 'pgbouncer', text: 'orders on web-3', unverified } as const
    expect(detailLines({ pid: 1, origin: pooled }, '', inPipe).slice(1)).toEqual([
      'held by orders on web-3',
      `  unverified: ${unverified}`,
    ])
  })
})

describe('a session in a list', () => {
  it('begins with its pid, and ends with why it must not be ended', () => {
    const style = (format: unknown, text: string) => `<${format}>${text}`
    const spared = 'a backup: ending it spoils it'
    const session = { pid: 4711, application: 'pg_dump', state: 'active', stateMillis: 2 * minute, spared }
    expect(listLines(session, { style })).toEqual([
      '<bold>pid 4711  active for 2 min',
      '<dim>  application pg_dump',
      `<yellow>  ${spared}`,
    ])
  })

  it('is wrapped on a terminal', () => {
    const ages = { stateMillis: 41 * minute, transactionMillis: 60 * minute }
    const session = { pid: 4711, application: 'api', state: 'idle in transaction', ...ages }
    expect(listLines(session, { style: plain, columns: 40 })[0]).toBe(
      'pid 4711  idle in transaction for 41\n  min, transaction open for 1 h',
    )
  })

  it('cannot steer the terminal or fake another line by what the session calls itself', () => {
    const hostile = '\u001b[2J\r\npid 1  ended\u202e'
    const session: ServerSession = {
      ...{ pid: 4711, hidden: false, backendType: 'client backend', state: 'active' },
      ...{ application: hostile, user: hostile, database: hostile, query: `SELECT 1 AS "${hostile}"` },
    }
    const snapshot: ServerSnapshot = {
      takenAt: '2026-01-01',
      server: {
        ...{ version: '18.4', versionNumber: 180_004, database: 'shop', databaseId: 1, role: 'checker' },
        ...{ seesAll: true, inRecovery: false },
      },
      ...{ sessions: [session], waits: [], blocks: [], prepared: [], hiddenSessions: 0 },
    }
    const originOf = () => ({ source: 'tag', text: hostile }) as const
    const lines = listLines(sessionReport(session, snapshot, { queryText: 'full', originOf }), inPipe)
    expect(lines).toHaveLength(4)
    expect(lines.join('')).not.toMatch(/[\p{Cc}\u202e]/u)
    expect(lines[1]).toContain('application \ufffd[2J pid 1 ended\ufffd, user ')
  })
})

it('names a prepared transaction by its gid, or says that it is not known', () => {
  const prepared = preparedReport({ gid: 'transfer', owner: 'app', database: 'shop', millis: 5 * minute })
  expect(preparedText(prepared)).toBe("prepared transaction 'transfer' for 5 min, owner app, database shop")
  expect(preparedText({ gid: 'transfer' })).toBe("prepared transaction 'transfer'")
  expect(preparedText({ gid: '?' })).toBe('a prepared transaction that could not be identified')
})
