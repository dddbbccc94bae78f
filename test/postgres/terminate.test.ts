import { describe, expect, it, onTestFinished } from 'vitest'
import {
  cancelSession,
  connectControl,
  type ServerSession,
  type SignalResult,
  serverSnapshot,
  terminateSession,
} from '../../src/postgres/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { clientOf, openSession } from './sessions.ts'

const db = useDatabase()
/** Its processes may be on another machine. */
const isForeign = process.env.PGLIFEGUARD_TEST_URL !== undefined

async function seen(pid: number): Promise<ServerSession> {
  const { sessions } = await serverSnapshot(clientOf(db))
  const found = sessions.find((session) => session.pid === pid)
  if (found === undefined) throw new Error(`${pid} is not there`)
  return found
}

/** A role without rights of its own, and a control connection under it. */
async function roleAndControl(role: string) {
  await db.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
  onTestFinished(async () => {
    await db.query(`DROP ROLE ${role}`)
  })
  const url = new URL(db.url)
  url.username = role
  url.password = 'secret'
  const control = await connectControl({ url: url.href, env: {} })
  onTestFinished(() => control.close())
  return control
}

describe('terminateSession', () => {
  it('ends the session that was seen, and says so only when it is gone', async () => {
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN')
    const identity = await seen(idle.pid)
    expect(await terminateSession(clientOf(db), identity)).toEqual({ pid: idle.pid, outcome: 'ended' })
    const { rows } = await db.query('SELECT FROM pg_stat_activity WHERE pid = $1', [idle.pid])
    expect(rows).toEqual([])
  })

  it('leaves a session alone that has gone on with its work', async () => {
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN')
    const identity = await seen(idle.pid)
    await idle.run('SELECT 1')
    expect(await terminateSession(clientOf(db), identity)).toEqual({
      pid: idle.pid,
      outcome: 'changed',
      detail: 'it has run another statement since, and is idle in transaction again',
    })
    await idle.run('COMMIT')
    expect(await terminateSession(clientOf(db), identity)).toEqual({
      pid: idle.pid,
      outcome: 'changed',
      detail: 'it is idle now, no longer idle in transaction',
    })
    expect((await idle.run('SELECT 1')).rowCount).toBe(1)
  })

  it('compares times to the microsecond, whatever the time zone and date style of who asks', async () => {
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN')
    const identity = await seen(idle.pid)
    expect(identity.stateChange).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    const off = identity.stateChange?.replace(/(\d)Z$/, (_, digit: string) => `${(Number(digit) + 1) % 10}Z`)
    expect(await terminateSession(clientOf(db), { ...identity, stateChange: off ?? '' })).toMatchObject({
      outcome: 'changed',
    })
    const asking = await openSession(db, 'asking')
    await asking.run("SET TimeZone = 'Asia/Kathmandu'; SET DateStyle = 'SQL, DMY'")
    expect(await terminateSession(asking.client, identity)).toMatchObject({ outcome: 'ended' })
  })

  it('says of a session that is not there any more that it is gone', async () => {
    const idle = await openSession(db, 'idle')
    const identity = await seen(idle.pid)
    await idle.client.end()
    await eventually(async () => expect(await seen(idle.pid).catch(() => undefined)).toBeUndefined())
    expect(await terminateSession(clientOf(db), identity)).toMatchObject({ outcome: 'gone' })
    // The same pid, of another session.
    const other = await openSession(db, 'other')
    const reused = { ...(await seen(other.pid)), backendStart: '2001-01-01T00:00:00.000000Z' }
    expect(await terminateSession(clientOf(db), reused)).toMatchObject({ outcome: 'gone' })
    expect((await other.run('SELECT 1')).rowCount).toBe(1)
  })

  it('never ends itself, nor pid 0', async () => {
    const asking = await openSession(db, 'asking')
    const identity = await seen(asking.pid)
    expect(
      await terminateSession(asking.client, { pid: asking.pid, backendStart: identity.backendStart ?? '' }),
    ).toEqual({ pid: asking.pid, outcome: 'denied', detail: 'it is the session that asks' })
    expect(
      await terminateSession(clientOf(db), { pid: 0, backendStart: identity.backendStart ?? '' }),
    ).toMatchObject({
      outcome: 'gone',
    })
    await expect(terminateSession(clientOf(db), { pid: asking.pid })).rejects.toThrow('identity.backendStart')
  })

  it.each(['checkpointer', 'walwriter', 'logical replication launcher'])(
    'never ends the %s',
    async (type) => {
      const { rows } = await db.query<{ pid: number; started: string }>(
        `SELECT pid, to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS started
       FROM pg_stat_activity WHERE backend_type = $1`,
        [type],
      )
      const process = rows[0]
      expect(process).toBeDefined()
      expect(
        await terminateSession(clientOf(db), {
          pid: process?.pid ?? 0,
          backendStart: process?.started ?? '',
        }),
      ).toEqual({ pid: process?.pid, outcome: 'denied', detail: `it is not a client session: ${type}` })
    },
  )

  it('never ends replication', async () => {
    const sender = await openSession(db, 'sender', { replication: 'database' } as never).catch(
      () => undefined,
    )
    const { rows } = await db.query<{ pid: number; started: string }>(
      `SELECT pid, to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS started
       FROM pg_stat_activity WHERE backend_type = 'walsender'`,
    )
    expect(rows).toHaveLength(1)
    const identity = { pid: rows[0]?.pid ?? 0, backendStart: rows[0]?.started ?? '' }
    expect(await terminateSession(clientOf(db), identity)).toMatchObject({
      outcome: 'denied',
      detail: 'it is not a client session: walsender',
    })
    await sender?.client.end()
  })

  it.skipIf(isForeign)('says that a session that does not react is still alive', async () => {
    const stopped = await openSession(db, 'stopped')
    await stopped.run('BEGIN')
    const identity = await seen(stopped.pid)
    process.kill(stopped.pid, 'SIGSTOP')
    onTestFinished(() => void process.kill(stopped.pid, 'SIGCONT'))
    expect(await terminateSession(clientOf(db), identity, { waitMillis: 300 })).toEqual({
      pid: stopped.pid,
      outcome: 'signalled',
      detail: 'still alive 300 ms after the signal',
    })
  })

  it('names the grant that is missing, and goes on with the next', async () => {
    const control = await roleAndControl('weak')
    const other = await roleAndControl('other_app')
    await db.query('GRANT pg_read_all_stats TO weak')
    const superusers = await openSession(db, 'superuser')
    await superusers.run('BEGIN')
    const own = await openSession(db, 'own', { user: 'weak', password: 'secret' })
    await own.run('BEGIN')
    const targets = [await seen(superusers.pid), await seen(other.pid), await seen(own.pid)]
    const results: SignalResult[] = []
    for (const target of targets) results.push(await terminateSession(control, target))
    expect(results).toEqual([
      {
        pid: superusers.pid,
        outcome: 'denied',
        detail: 'it belongs to the superuser postgres: only a superuser may end it',
      },
      {
        pid: other.pid,
        outcome: 'denied',
        detail: 'the role weak may not signal sessions of other_app',
        grant: 'GRANT pg_signal_backend TO weak',
      },
      { pid: own.pid, outcome: 'ended' },
    ])
  })

  it('says of a session that is hidden from the role which grants would show it', async () => {
    const control = await roleAndControl('blind')
    await db.query("CREATE ROLE hidden_app LOGIN PASSWORD 'secret'")
    onTestFinished(async () => void (await db.query('DROP ROLE hidden_app')))
    const idle = await openSession(db, 'idle', { user: 'hidden_app', password: 'secret' })
    const snapshot = await serverSnapshot(control)
    expect(snapshot.hiddenSessions).toBeGreaterThan(0)
    expect(snapshot.missingGrant).toBe('GRANT pg_read_all_stats TO blind')
    const hidden = snapshot.sessions.find(({ pid }) => pid === idle.pid)
    expect(hidden).toMatchObject({ hidden: true })
    expect(hidden?.state).toBeUndefined()
    expect(await terminateSession(control, hidden ?? { pid: 0 })).toEqual({
      pid: idle.pid,
      outcome: 'denied',
      detail: 'its state cannot be seen, so it cannot be checked',
      grant: 'GRANT pg_read_all_stats, pg_signal_backend TO blind',
    })
  })

  it('advises no grant for a hidden session of a superuser: none would help', async () => {
    const control = await roleAndControl('blinder')
    const idle = await openSession(db, 'idle')
    const { sessions } = await serverSnapshot(control)
    const hidden = sessions.find(({ pid }) => pid === idle.pid)
    expect(await terminateSession(control, hidden ?? { pid: 0 })).toEqual({
      pid: idle.pid,
      outcome: 'denied',
      detail: 'it belongs to the superuser postgres: only a superuser may end it',
    })
  })
})

describe('cancelSession', () => {
  it('ends the statement, not the session', async () => {
    const busy = await openSession(db, 'busy')
    const sleeping = busy.client.query('SELECT pg_sleep(60)').catch((error: { code: string }) => error.code)
    const identity = await eventually(async () => {
      const found = await seen(busy.pid)
      expect(found.waitEvent).toBe('PgSleep')
      return found
    })
    expect(await cancelSession(clientOf(db), identity)).toEqual({ pid: busy.pid, outcome: 'ended' })
    expect(await sleeping).toBe('57014')
    expect((await busy.run('SELECT 1')).rowCount).toBe(1)
  })

  it('does not claim to have cancelled what is idle in its transaction', async () => {
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN')
    expect(await cancelSession(clientOf(db), await seen(idle.pid))).toMatchObject({ outcome: 'changed' })
  })
})
