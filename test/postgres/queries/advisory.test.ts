import { describe, expect, it } from 'vitest'
import { advisoryKey, advisoryLocksQuery } from '../../../src/postgres/queries/advisory.ts'
import { useDatabase } from '../../support/database.ts'
import { openSession } from '../sessions.ts'

const db = useDatabase()

async function locks() {
  const { rows } = await db.query<{ locks: string }>(advisoryLocksQuery)
  return JSON.parse(rows[0]?.locks ?? '') as { pid: number; key: string; isShared: boolean }[]
}

describe('the key of an advisory lock', () => {
  it.each([
    ['0', '0'],
    ['-1', '-1'],
    ['4294967296', '4294967296'],
    ['9223372036854775807', '9223372036854775807'],
    ['-9223372036854775808', '-9223372036854775808'],
    ['-9007199254740993', '-9007199254740993'],
    ['7, -3', '7, -3'],
    ['0, 0', '0, 0'],
    ['-2147483648, 2147483647', '-2147483648, 2147483647'],
  ])('is what the application gave: %s', async (given, key) => {
    const session = await openSession(db, 'holder')
    await session.run(`SELECT pg_advisory_lock(${given})`)
    const { rows } = await db.query(
      `SELECT ${advisoryKey('held')} AS key FROM pg_locks AS held WHERE pid = $1 AND locktype = 'advisory'`,
      [session.pid],
    )
    expect(rows).toEqual([{ key }])
  })
})

describe('the query for advisory locks', () => {
  it('yields an empty list where there are none, and none of the session that asks', async () => {
    await db.query('SELECT pg_advisory_lock(5)')
    expect(await locks()).toEqual([])
    await db.query('SELECT pg_advisory_unlock(5)')
  })

  it('yields a lock of a transaction as well as one of a session, once however often it was taken', async () => {
    const session = await openSession(db, 'holder')
    await session.run('SELECT pg_advisory_lock(1), pg_advisory_lock(1)')
    await session.run('BEGIN; SELECT pg_advisory_xact_lock_shared(2)')
    expect(await locks()).toEqual([
      { pid: session.pid, key: '1', isShared: false },
      { pid: session.pid, key: '2', isShared: true },
    ])
    await session.run('COMMIT')
    expect((await locks()).map(({ key }) => key)).toEqual(['1'])
  })
})
