import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../../src/core/time/clock.ts'
import { lifeguardHandler } from '../../../../src/http/node.ts'
import { connectControl, serverSnapshot, terminateSession } from '../../../../src/postgres/index.ts'
import type { CheckReport } from '../../../../src/postgres/report/server-report.ts'
import { exitCode, pgLifeguard } from '../../../cli/command-line.ts'
import { openSession } from '../../../postgres/sessions.ts'
import { useDatabase } from '../../../support/database.ts'
import { guardedPool } from '../../../support/guarded-pool.ts'
import { noPgBouncer, startPgBouncer } from '../../../support/pgbouncer.ts'

const db = useDatabase()

// Loud, so that nobody takes a run without it for a complete one.
if (noPgBouncer !== undefined) console.warn(`skipped: check through PgBouncer: ${noPgBouncer}`)

async function pooled(mode: 'session' | 'transaction') {
  const pooler = await startPgBouncer(db.url, mode)
  onTestFinished(() => pooler.stop())
  const connect = async (name: string) => {
    const client = new pg.Client({ connectionString: pooler.url(db.url), application_name: name })
    client.on('error', () => {})
    await client.connect()
    onTestFinished(() => client.end().catch(() => {}))
    return client
  }
  return { pooler, connect }
}

const check = async (args: readonly string[]) => {
  const { out, err, code } = await pgLifeguard(
    ['check', '--database', db.name, '--min-idle', '0', '--json', ...args],
    {
      url: db.url,
    },
  )
  return { report: JSON.parse(out) as CheckReport, err, code }
}

describe.skipIf(noPgBouncer !== undefined)('through PgBouncer', () => {
  it.each(['session', 'transaction'] as const)(
    'check tells the client behind the session, in %s mode',
    async (mode) => {
      const { pooler, connect } = await pooled(mode)
      const client = await connect('shop')
      await client.query('BEGIN')
      await client.query('SELECT * FROM accounts')
      const migration = await openSession(db, 'migration')
      await migration.waitsFor('ALTER TABLE accounts ADD COLUMN through int')
      const { report, code } = await check(['--pgbouncer', pooler.adminUrl])
      expect(code).toBe(exitCode.found)
      const root = report.blocking.find(({ id }) => id === report.roots[0])?.session
      expect(root?.origin?.text).toMatch(/^shop at 127\.0\.0\.1:\d+ as postgres, through PgBouncer$/)
      expect(root?.origin?.unverified).toBeUndefined()
      // It is the client's port, not the pooler's.
      expect(root?.origin?.text).not.toContain(root?.client ?? '')
      await client.query('ROLLBACK')
    },
  )

  it('marks a session that nobody has: its application name may belong to the last client', async () => {
    const { pooler, connect } = await pooled('transaction')
    const client = await connect('last')
    const holder = await client.query('SELECT pg_advisory_lock(77), pg_backend_pid() AS pid')
    const waiting = await openSession(db, 'waiting')
    await waiting.waitsFor('SELECT pg_advisory_lock(77)')
    const { report } = await check(['--pgbouncer', pooler.adminUrl])
    const root = report.blocking.find(({ id }) => id === report.roots[0])?.session
    expect(root?.pid).toBe(holder.rows[0].pid)
    expect(root?.origin).toEqual({
      source: 'pgbouncer',
      text: 'nobody, at PgBouncer',
      unverified: 'no client has the session now; "last" may belong to the last client',
    })
  })

  it('the control connection leaves no setting behind for whoever gets the session next', async () => {
    const { pooler, connect } = await pooled('transaction')
    await using control = await connectControl({ url: pooler.url(db.url), env: {} })
    expect(control.isPooled).toBe(true)
    const idle = await openSession(db, 'idle')
    const { sessions } = await serverSnapshot(control)
    const seen = sessions.find(({ pid }) => pid === idle.pid)
    expect(await terminateSession(control, seen ?? { pid: 0 })).toMatchObject({ outcome: 'ended' })
    const next = await connect('next')
    const { rows } = await next.query(
      `SELECT current_setting('lock_timeout') AS lock, current_setting('default_transaction_read_only') AS only`,
    )
    expect(rows).toEqual([{ lock: '0', only: 'off' }])
    expect((await pgLifeguard(['check', '--database', db.name], { url: pooler.url(db.url) })).code).toBe(
      exitCode.clean,
    )
  })

  it('says that the pooler refuses options, and what to do', async () => {
    const { pooler } = await pooled('transaction')
    const { code, err } = await pgLifeguard(['check'], {
      url: pooler.url(db.url),
      env: { PGOPTIONS: '-c geqo=off' },
    })
    expect(code).toBe(exitCode.noConnection)
    expect(err).toMatch(/unsupported startup parameter/)
    expect(err).toMatch(/Unset PGOPTIONS, or connect to the server itself/)
  })

  it('does not blame a line of code by process ids that the pooler has made up, and says so', async () => {
    const { pooler } = await pooled('transaction')
    const { pool, lifeguard } = guardedPool({ connectionString: pooler.url(db.url) }, { clock: systemClock })
    const client = await pool.connect()
    await client.query('BEGIN')
    const server = createServer(lifeguardHandler(lifeguard)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const app = `http://127.0.0.1:${(server.address() as AddressInfo).port}/lifeguard`
    const { report, err } = await check(['--app', app])
    expect(report.idleInTransaction).toHaveLength(1)
    expect(report.idleInTransaction[0]?.origin).toBeUndefined()
    expect(err).toContain('1 of its 1 checkouts have process ids that this server does not have')
  })
})
