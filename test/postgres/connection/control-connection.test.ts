import { describe, expect, it } from 'vitest'
import { connectControl, serverSnapshot } from '../../../src/postgres/index.ts'
import { useDatabase } from '../../support/database.ts'
import { openSession } from '../sessions.ts'

const db = useDatabase()

describe('the control connection', () => {
  it('is read only, has timeouts, and a name', async () => {
    await using control = await connectControl({
      url: db.url,
      env: {},
      lockMillis: 1_234,
      statementMillis: 4_321,
    })
    expect(control.isPooled).toBe(false)
    const { rows } = await control.query(
      `SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement,
              current_setting('application_name') AS name, pg_backend_pid() AS pid`,
    )
    expect(rows).toEqual([{ lock: '1234ms', statement: '4321ms', name: 'pg-lifeguard', pid: control.pid }])
    await expect(control.query('CREATE TABLE t (id int)')).rejects.toMatchObject({ code: '25006' })
    // A statement that fails leaves the connection as it was.
    expect((await serverSnapshot(control)).server.database).toBe(db.name)
  })

  it('waits for nobody where transactions are serializable and deferrable by default', async () => {
    const writer = await openSession(db, 'writer')
    await writer.run('BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO items DEFAULT VALUES')
    const PGOPTIONS = '-c default_transaction_isolation=serializable -c default_transaction_deferrable=on'
    await using control = await connectControl({ url: db.url, env: { PGOPTIONS }, statementMillis: 5_000 })
    const { sessions } = await serverSnapshot(control)
    expect(sessions.map(({ pid }) => pid)).toContain(writer.pid)
  })

  it('is not ended by a transaction timeout of its role, as PostgreSQL 17 and later have', async ({
    skip,
  }) => {
    const ask = "SELECT setting FROM pg_settings WHERE name = 'transaction_timeout'"
    if ((await db.query(ask)).rows.length === 0) skip()
    const PGOPTIONS = '-c transaction_timeout=10s'
    await using control = await connectControl({ url: db.url, env: { PGOPTIONS } })
    expect((await control.query(ask)).rows).toEqual([{ setting: '0' }])
  })
})
