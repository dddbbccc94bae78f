import { expect, it, onTestFinished } from 'vitest'
import { dropStatement, invalidIndexes } from '../../src/postgres/invalid-indexes.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { clientOf, openSession } from './sessions.ts'

const db = useDatabase()

it('finds what an interrupted CREATE INDEX CONCURRENTLY left behind, and how to drop it', async () => {
  expect(await invalidIndexes(clientOf(db))).toEqual([])
  const [reader, migration] = [await openSession(db, 'reader'), await openSession(db, 'migration')]
  await reader.run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM accounts')
  const { outcome } = await migration.waitsFor('CREATE INDEX CONCURRENTLY "Item notes" ON items (note)')
  // While it is built it is no leftover.
  expect(await invalidIndexes(clientOf(db))).toEqual([])
  await db.query('SELECT pg_cancel_backend($1)', [migration.pid])
  expect(await outcome).toMatchObject({ code: '57014' })
  // The server may answer before it shows that the session has stopped building.
  const found = await eventually(async () => {
    const invalid = await invalidIndexes(clientOf(db))
    expect(invalid).toMatchObject([{ schema: 'public', name: 'Item notes', table: 'items' }])
    return invalid
  })
  const statement = found[0] === undefined ? '' : dropStatement(found[0])
  expect(statement).toBe('DROP INDEX CONCURRENTLY public."Item notes";')
  await reader.run('COMMIT')
  onTestFinished(async () => expect(await invalidIndexes(clientOf(db))).toEqual([]))
  await db.query(statement)
})
