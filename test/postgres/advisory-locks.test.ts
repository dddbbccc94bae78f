import { describe, expect, it } from 'vitest'
import { advisoryLocks, migrationToolOf } from '../../src/postgres/advisory-locks.ts'
import { connectControl } from '../../src/postgres/index.ts'
import { useDatabase } from '../support/database.ts'
import { openSession } from './sessions.ts'

const db = useDatabase()

describe('advisory locks', () => {
  it('are those that sessions of this database hold, idle ones too, with the key that the application gave', async () => {
    await using control = await connectControl({ url: db.url, env: {} })
    const [one, two] = [await openSession(db, 'one'), await openSession(db, 'two')]
    const elsewhere = await openSession(db, 'elsewhere', { database: 'postgres' })
    await one.run('SELECT pg_advisory_lock(7241865325823964)')
    await one.run('SELECT pg_advisory_lock(-1)')
    await two.run('SELECT pg_advisory_lock_shared(1, -2)')
    await elsewhere.run(`SELECT pg_advisory_lock(${two.pid})`)
    await control.query('SELECT pg_advisory_lock(3)')

    const locks = await advisoryLocks(control)
    expect(locks).toHaveLength(3)
    expect(locks).toEqual(
      expect.arrayContaining([
        { pid: one.pid, key: '7241865325823964', isShared: false },
        { pid: one.pid, key: '-1', isShared: false },
        { pid: two.pid, key: '1, -2', isShared: true },
      ]),
    )
    expect(locks.map(migrationToolOf).filter((tool) => tool !== undefined)).toEqual(['node-pg-migrate'])
  })

  it('are none where nobody holds any, or the waiting alone', async () => {
    await using control = await connectControl({ url: db.url, env: {} })
    expect(await advisoryLocks(control)).toEqual([])
    const [holder, waiting] = [await openSession(db, 'holder'), await openSession(db, 'waiting')]
    await holder.run('SELECT pg_advisory_lock(1)')
    await waiting.waitsFor('SELECT pg_advisory_lock(1)')
    expect((await advisoryLocks(control)).map(({ pid }) => pid)).toEqual([holder.pid])
  })
})
