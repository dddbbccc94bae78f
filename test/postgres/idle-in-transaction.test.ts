import { expect, it } from 'vitest'
import { idlesInTransactionFor, isIdleInTransaction } from '../../src/postgres/idle-in-transaction.ts'
import { serverSnapshot } from '../../src/postgres/index.ts'
import { useDatabase } from '../support/database.ts'
import { clientOf, openSession } from './sessions.ts'

const db = useDatabase()

it('are sessions whose transaction is open or failed, and not those that are idle or fast path', async () => {
  const [open, failed, idle] = [
    await openSession(db, 'open'),
    await openSession(db, 'failed'),
    await openSession(db, 'idle'),
  ]
  await open.run('BEGIN')
  await failed.run('BEGIN')
  await failed.run('SELECT 1/0').catch(() => {})
  const { sessions } = await serverSnapshot(clientOf(db))
  const found = sessions.filter(isIdleInTransaction).map(({ pid }) => pid)
  expect(found).toEqual(expect.arrayContaining([open.pid, failed.pid]))
  expect(found).not.toContain(idle.pid)
  expect(isIdleInTransaction({})).toBe(false)
})

it('have been so for a while, or not', () => {
  const session = { pid: 1, hidden: false, state: 'idle in transaction', stateMillis: 1_000 }
  expect([999, 1_000, 1_001].map((millis) => idlesInTransactionFor(session, millis))).toEqual([
    true,
    true,
    false,
  ])
})
