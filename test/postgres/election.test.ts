import { expect, it } from 'vitest'
import { electionKey, tryElection } from '../../src/postgres/election.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { openSession } from './sessions.ts'

const db = useDatabase()

it('elects one of several, and another one when that has gone', async () => {
  const [one, two] = [await openSession(db, 'one'), await openSession(db, 'two')]
  expect(await tryElection(one.client, 'a task')).toBe(true)
  expect(await tryElection(two.client, 'a task')).toBe(false)
  expect(await tryElection(two.client, 'another task')).toBe(true)
  await db.terminate(one.pid)
  await eventually(async () => expect(await tryElection(two.client, 'a task')).toBe(true))
})

it('has the same key everywhere, which docs/watch.md names', () => {
  expect(electionKey('pg-lifeguard watch')).toBe('-947727749721160801')
})
