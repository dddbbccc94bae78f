import { expect, it } from 'vitest'
import { databasePart, type ServerSession, type ServerSnapshot } from '../../src/postgres/index.ts'

const session = (pid: number, database: string, hidden = false): ServerSession => ({ pid, database, hidden })

const snapshot: ServerSnapshot = {
  takenAt: '2026-01-01T00:00:00.000000Z',
  server: {
    ...{ version: '18.4', versionNumber: 180_004, database: 'shop', databaseId: 1, role: 'checker' },
    ...{ seesAll: false, inRecovery: false },
  },
  sessions: [session(1, 'shop'), session(2, 'stock'), session(3, 'stock', true), session(4, 'other')],
  waits: [
    { pid: 1, lockType: 'advisory', target: 'advisory lock 1', object: 'a' },
    { pid: 4, lockType: 'advisory', target: 'advisory lock 2', object: 'b' },
  ],
  // Across databases: 1 of shop waits for 2 of stock.
  blocks: [
    { blocked: 1, blockerPid: 2, kind: 'hard' },
    { blocked: 4, blockerGid: 'g', kind: 'hard' },
  ],
  prepared: [{ gid: 'g', owner: 'app', database: 'other', preparedAt: '2026-01-01', millis: 1 }],
  hiddenSessions: 1,
  missingGrant: 'GRANT pg_read_all_stats TO checker',
}

it('has the sessions of the database, and those of others that they wait for', () => {
  const { sessions, waits, blocks, prepared } = databasePart(snapshot, 'shop')
  expect(sessions.map(({ pid }) => pid)).toEqual([1, 2])
  expect(waits.map(({ pid }) => pid)).toEqual([1])
  expect(blocks.map(({ blocked }) => blocked)).toEqual([1])
  expect(prepared).toEqual([])
})

it('counts as hidden what is hidden of it alone', () => {
  expect(databasePart(snapshot, 'shop')).toMatchObject({ hiddenSessions: 0 })
  expect(databasePart(snapshot, 'shop')).not.toHaveProperty('missingGrant')
  expect(databasePart(snapshot, 'stock')).toMatchObject({
    hiddenSessions: 1,
    missingGrant: 'GRANT pg_read_all_stats TO checker',
  })
})

it('has prepared transactions, and whoever waits for them from elsewhere', () => {
  const { sessions, prepared } = databasePart(snapshot, 'other')
  expect([sessions.map(({ pid }) => pid), prepared.map(({ gid }) => gid)]).toEqual([[4], ['g']])
})
