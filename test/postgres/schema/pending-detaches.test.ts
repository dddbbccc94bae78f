import { expect, it } from 'vitest'
import { connectControl } from '../../../src/postgres/index.ts'
import { finalizeStatement, pendingDetaches } from '../../../src/postgres/schema/pending-detaches.ts'
import { useDatabase } from '../../support/database.ts'
import { openSession } from '../sessions.ts'

const db = useDatabase()

it('a partition between the phases of its detachment is named, with the statement that completes it', async () => {
  await using control = await connectControl({ url: db.url, env: {} })
  await db.query(`
    CREATE TABLE events (day int) PARTITION BY RANGE (day);
    CREATE TABLE "Events 1" PARTITION OF events FOR VALUES FROM (1) TO (2)`)
  expect(await pendingDetaches(control)).toEqual([])

  const reader = await openSession(db, 'reader')
  await reader.run('BEGIN; SELECT FROM events')
  const other = await openSession(db, 'other', { lock_timeout: 200 })
  await expect(other.run('ALTER TABLE events DETACH PARTITION "Events 1" CONCURRENTLY')).rejects.toThrow(
    'lock timeout',
  )
  await reader.run('COMMIT')
  const [found] = await pendingDetaches(control)
  expect(found).toMatchObject({ parent: 'public.events', partition: 'public."Events 1"' })

  const statement = found === undefined ? '' : finalizeStatement(found)
  expect(statement).toBe('ALTER TABLE public.events DETACH PARTITION public."Events 1" FINALIZE;')
  await db.query(statement)
  expect(await pendingDetaches(control)).toEqual([])
})
