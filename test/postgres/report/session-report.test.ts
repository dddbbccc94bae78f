import { expect, it } from 'vitest'
import type { ServerSession, ServerSnapshot } from '../../../src/postgres/index.ts'
import { preparedReport, sessionReport } from '../../../src/postgres/report/session-report.ts'

const session: ServerSession = {
  ...{ pid: 1, hidden: false, backendType: 'client backend', application: 'api', state: 'active' },
  ...{ query: "SELECT 'secret'", clientAddress: '::1', clientPort: 5, stateMillis: -3 },
}
const snapshot: ServerSnapshot = {
  takenAt: '2026-01-01',
  server: {
    ...{ version: '18.4', versionNumber: 180_004, database: 'shop', databaseId: 1, role: 'checker' },
    ...{ seesAll: true, inRecovery: false },
  },
  ...{ sessions: [session], waits: [], blocks: [], prepared: [], hiddenSessions: 0 },
}
const report = (about: Partial<ServerSession>) =>
  sessionReport({ ...session, ...about }, snapshot, { queryText: 'redacted', originOf: () => undefined })

it('has no literal, no negative duration, and no type that goes without saying', () => {
  expect(report({})).toEqual({
    ...{ pid: 1, application: 'api', client: '[::1]:5', state: 'active', stateMillis: 0, query: 'SELECT ?' },
  })
})

it('says what policies spare, and which autovacuum does not give way', () => {
  expect(report({ application: 'pg_dump' }).spared).toBe('a backup: ending it spoils it')
  const backendType = 'autovacuum worker'
  expect(report({ backendType, query: 'autovacuum: VACUUM public.t' })).not.toHaveProperty(
    'preventsWraparound',
  )
  expect(
    report({ backendType, query: 'autovacuum: VACUUM public.t (to prevent wraparound)' }).preventsWraparound,
  ).toBe(true)
})

it('has statements for a prepared transaction that mean its very gid, and can be printed', () => {
  expect(preparedReport({ gid: "a'\n\u001b[31m\\" })).toEqual({
    gid: "a' \ufffd[31m\\",
    rollback: "ROLLBACK PREPARED E'a''\\u000a\\u001b[31m\\\\';",
    commit: "COMMIT PREPARED E'a''\\u000a\\u001b[31m\\\\';",
  })
})
