import { expect, it } from 'vitest'
import { databaseCounters } from '../../src/postgres/database-counters.ts'
import { connectControl } from '../../src/postgres/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { openSession } from './sessions.ts'

const db = useDatabase()

it('the counters of a database grow with each deadlock, and with each session that is terminated', async () => {
  await using control = await connectControl({ url: db.url, env: {} })
  await db.query('CREATE TABLE IF NOT EXISTS one (); CREATE TABLE IF NOT EXISTS two ()')
  const before = await databaseCounters(control)
  expect(before.deadlockMillis).toBe(1_000)

  const [a, b] = [await openSession(db, 'a'), await openSession(db, 'b')]
  await a.run('BEGIN; LOCK TABLE one')
  await b.run('BEGIN; LOCK TABLE two')
  const { outcome } = await a.waitsFor('LOCK TABLE two')
  const failures = [await b.run('LOCK TABLE one').catch((error) => error), await outcome]
  expect(failures.filter((one) => one?.code === '40P01')).toHaveLength(1)
  await db.terminate(a.pid)
  await b.client.end()
  await eventually(async () =>
    expect(await databaseCounters(control)).toMatchObject({
      deadlocks: before.deadlocks + 1,
      sessionsKilled: before.sessionsKilled + 1,
    }),
  )
})
