import { describe, expect, it, onTestFinished } from 'vitest'
import { activityQuery } from '../../../src/postgres/queries/activity.ts'
import type { LockRow, ServerSession } from '../../../src/postgres/server-data.ts'
import { serverSnapshot } from '../../../src/postgres/server-snapshot.ts'
import { useDatabase } from '../../support/database.ts'
import { clientOf, openSession } from '../sessions.ts'

interface Activity {
  readonly takenAt: string
  readonly sessions: readonly ServerSession[]
  readonly waits: readonly LockRow[]
  readonly blocks: readonly { readonly blocked: number; readonly blocker: number; readonly held: string[] }[]
  readonly prepared: readonly {
    readonly gid: string
    readonly holds: readonly { readonly blocked: number; readonly held: string[] }[]
  }[]
}

const db = useDatabase()

/** Without the waits of other databases, where other tests are at work. */
async function activity(): Promise<Activity> {
  const { rows } = await db.query<{ activity: string }>(activityQuery)
  const whole = JSON.parse(rows[0]?.activity ?? '') as Activity
  const ours = new Set(whole.sessions.filter(({ database }) => database === db.name).map(({ pid }) => pid))
  return {
    ...whole,
    waits: whole.waits.filter(({ pid }) => ours.has(pid)),
    blocks: whole.blocks.filter(({ blocked }) => ours.has(blocked)),
  }
}

describe('the query for activity', () => {
  it('yields what a session does, in UTC whatever the settings of the one that asks', async () => {
    const session = await openSession(db, 'worker')
    await session.run('BEGIN')
    await session.run("SELECT 'orders'")
    await db.query("SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'")
    onTestFinished(async () => void (await db.query('RESET TimeZone; RESET DateStyle')))
    const { takenAt, sessions } = await activity()
    const found = sessions.find(({ pid }) => pid === session.pid)
    expect(found).toMatchObject({
      hidden: false,
      backendType: 'client backend',
      database: db.name,
      application: 'worker',
      state: 'idle in transaction',
      query: "SELECT 'orders'",
    })
    for (const time of [takenAt, found?.backendStart, found?.stateChange, found?.transactionStart]) {
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    }
    const { rows } = await db.query<{ began: string }>(
      'SELECT extract(epoch FROM xact_start) * 1000 AS began FROM pg_stat_activity WHERE pid = $1',
      [session.pid],
    )
    expect(Date.parse(found?.transactionStart ?? '')).toBe(Math.floor(Number(rows[0]?.began)))
  })

  it('leaves out the session that asks, and fields without a value', async () => {
    const session = await openSession(db, '')
    const { rows } = await db.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const { sessions } = await activity()
    expect(sessions.map(({ pid }) => pid)).not.toContain(rows[0]?.pid)
    const found = sessions.find(({ pid }) => pid === session.pid)
    expect(found).toMatchObject({ state: 'idle' })
    expect(found).not.toHaveProperty('application')
    expect(found).not.toHaveProperty('transactionStart')
  })

  it('tells a holder of the lock from one that waits ahead in the queue by what it holds', async () => {
    const reader = await openSession(db, 'reader')
    const alter = await openSession(db, 'alter')
    const late = await openSession(db, 'late')
    await reader.run('BEGIN; SELECT FROM items')
    await alter.waitsFor('ALTER TABLE items ADD COLUMN extra int')
    await late.waitsFor('SELECT FROM items')
    const { blocks, waits } = await activity()
    expect(blocks).toHaveLength(2)
    expect(blocks).toContainEqual({ blocked: alter.pid, blocker: reader.pid, held: ['AccessShareLock'] })
    expect(blocks).toContainEqual({ blocked: late.pid, blocker: alter.pid, held: [] })
    const { rows } = await db.query<{ oid: number }>("SELECT 'items'::regclass::oid AS oid")
    expect(waits.find(({ pid }) => pid === alter.pid)).toMatchObject({
      lockType: 'relation',
      mode: 'AccessExclusiveLock',
      relation: rows[0]?.oid,
    })
    expect(waits.find(({ pid }) => pid === late.pid)).toMatchObject({ mode: 'AccessShareLock' })
  })

  it('yields oids as numbers, 0 as the database of what all of them share', async () => {
    const [holder, waiting] = [await openSession(db, 'holder'), await openSession(db, 'waiting')]
    await holder.run('BEGIN; LOCK TABLE pg_catalog.pg_db_role_setting IN SHARE MODE')
    await waiting.run('BEGIN')
    await waiting.waitsFor('LOCK TABLE pg_catalog.pg_db_role_setting IN ROW EXCLUSIVE MODE')
    const own = (await activity()).waits.filter(({ pid }) => pid === waiting.pid)
    expect(own).toMatchObject([{ database: 0, relation: 2964 }])
    const { server, waits } = await serverSnapshot(clientOf(db))
    expect(server.databaseId).toBeTypeOf('number')
    const wait = waits.find(({ pid }) => pid === waiting.pid)
    expect(wait).toMatchObject({ target: 'pg_catalog.pg_db_role_setting' })
  })

  it('yields the row that is awaited by way of its transaction', async () => {
    await db.query('INSERT INTO accounts VALUES (1, 0)')
    const [owner, writer] = [await openSession(db, 'owner'), await openSession(db, 'writer')]
    await owner.run('BEGIN; UPDATE accounts SET balance = 1')
    const { rows } = await owner.client.query<{ transaction: string }>(
      'SELECT pg_current_xact_id()::text AS transaction',
    )
    await writer.waitsFor('UPDATE accounts SET balance = 2')
    const { waits } = await activity()
    expect(waits).toMatchObject([
      {
        pid: writer.pid,
        lockType: 'transactionid',
        transaction: rows[0]?.transaction,
        row: { page: 0, tuple: 1 },
      },
    ])
  })

  it('yields the key of an awaited advisory lock', async () => {
    const [holder, waiting] = [await openSession(db, 'holder'), await openSession(db, 'waiting')]
    await holder.run('SELECT pg_advisory_lock(7, -3)')
    await waiting.waitsFor('SELECT pg_advisory_lock(7, -3)')
    const { waits, blocks } = await activity()
    expect(waits).toMatchObject([{ pid: waiting.pid, lockType: 'advisory', advisoryKey: '7, -3' }])
    expect(blocks).toEqual([{ blocked: waiting.pid, blocker: holder.pid, held: ['ExclusiveLock'] }])
  })

  it('yields whom a prepared transaction holds up, although it has no session', async () => {
    const [preparing, writer] = [await openSession(db, 'preparing'), await openSession(db, 'writer')]
    await preparing.run("BEGIN; LOCK TABLE items IN SHARE MODE; PREPARE TRANSACTION 'activity'")
    onTestFinished(async () => void (await db.query("ROLLBACK PREPARED 'activity'")))
    await writer.waitsFor("INSERT INTO items (note) VALUES ('x')")
    const { prepared, blocks } = await activity()
    expect(prepared.find(({ gid }) => gid === 'activity')).toMatchObject({
      owner: db.config.user,
      database: db.name,
      holds: [{ blocked: writer.pid, held: ['ShareLock'] }],
    })
    expect(blocks).toEqual([{ blocked: writer.pid, blocker: 0, held: [] }])
  })
})
