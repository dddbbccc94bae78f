import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isIdleInTransaction } from '../../src/postgres/idle-in-transaction.ts'
import { type ServerSession, serverSnapshot } from '../../src/postgres/index.ts'
import { isSparedByName, spareReason } from '../../src/postgres/spared.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { clientOf } from './sessions.ts'

const db = useDatabase()

const session = (about: Partial<ServerSession>): ServerSession => ({
  pid: 1,
  hidden: false,
  backendType: 'client backend',
  user: 'app',
  database: 'shop',
  clientAddress: '10.0.0.7',
  state: 'idle in transaction',
  transactionStart: '2026-01-01T10:00:00.000000Z',
  ...about,
})
const reason = (about: Partial<ServerSession>, others: readonly Partial<ServerSession>[] = []) =>
  spareReason(session(about), [session(about), ...others.map(session)])

describe('sessions that no policy ends', () => {
  it.each(['pg_dump', 'pg_dumpall', 'pg_basebackup', 'pgBackRest [backup]', 'barman'])(
    'are those of %s',
    (application) => expect(reason({ application })).toBe('a backup: ending it spoils it'),
  )

  it.each(['pg_dump_viewer', 'my pg_dump', 'pg_dumper', 'api', 'pg-lifeguard migrate', 'pg-lifeguard'])(
    'are not those of %s',
    (application) => expect(reason({ application })).toBeUndefined(),
  )

  it('are those of a dump whose name PGAPPNAME hides, its leader too', () => {
    const leader = { application: 'nightly', query: 'SELECT 1' }
    const worker = {
      pid: 2,
      application: 'nightly',
      state: 'active',
      query: 'COPY public.users (id, name) TO stdout;',
      transactionStart: '2026-01-01T10:00:01.000000Z',
    }
    expect(reason({ application: 'nightly', query: "EXECUTE getColumnACLs('16389')" })).toMatch(/^a backup/)
    expect(reason(worker)).toMatch(/^a backup/)
    const locking = { query: 'LOCK TABLE public.users IN ACCESS SHARE MODE NOWAIT' }
    expect(reason(locking)).toMatch(/^a backup/)
    expect(reason(leader, [worker])).toMatch(/^a backup/)
    expect(reason({ ...leader, application: 'api' }, [worker])).toBeUndefined()
    expect(reason({ ...leader, clientAddress: '10.0.0.8' }, [worker])).toBeUndefined()
    expect(reason(leader, [{ ...worker, transactionStart: '2026-01-01T09:00:00.000000Z' }])).toBeUndefined()
  })

  it('are not those of an application that copies out itself', () => {
    expect(reason({ query: 'COPY (SELECT * FROM users) TO STDOUT' })).toBeUndefined()
    expect(reason({ query: 'COPY users TO STDOUT' })).toBeUndefined()
  })

  it('are WAL senders, and other migrations of pg-lifeguard', () => {
    expect(reason({ backendType: 'walsender', application: 'standby' })).toMatch(/^replication/)
    expect(reason({ application: 'pg-lifeguard migrate 0123abcd' })).toMatch(/^a migration/)
    expect(reason({ application: 'ci pg-lifeguard migrate 0123abcd' })).toMatch(/^a migration/)
  })

  it('are those that the user names: whole names, as PostgreSQL cuts them, with the process behind or not', () => {
    const named = (application: string, name: string) =>
      [
        spareReason(session({ application }), [], ['other', name]),
        isSparedByName(session({ application }), [name]),
      ] as const
    expect(named('report', 'report')).toEqual(['spared by --spare application=report', true])
    expect(named('report (pid 4711 on web-1)', 'report')[1]).toBe(true)
    expect(named('x'.repeat(63), 'x'.repeat(70))[1]).toBe(true)
    expect(named('reports', 'report')).toEqual([undefined, false])
  })
})

it('knows the idle leader of a parallel dump, whatever its name', async ({ skip }) => {
  const major = (await db.query<{ server_version: string }>('SHOW server_version')).rows[0]?.server_version
  const { stdout: version } = await promisify(execFile)('pg_dump', ['--version']).catch(() => skip())
  // An older pg_dump refuses a newer server.
  if (Number.parseInt(/\d+/.exec(version)?.[0] ?? '', 10) < Number.parseInt(major ?? '', 10)) skip()
  await db.query(
    'CREATE TABLE large AS SELECT repeat(md5(g::text), 40) AS t FROM generate_series(1, 60000) g',
  )
  const folder = await mkdtemp(join(tmpdir(), 'lifeguard-dump-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { host, port, user, password, database } = db.config
  const dump = spawn('pg_dump', ['-Fd', '-j', '2', '-Z', '9', '-f', join(folder, 'dump'), database], {
    env: {
      ...process.env,
      ...{ PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGAPPNAME: 'nightly' },
    },
    stdio: 'ignore',
  })
  onTestFinished(async () => {
    dump.kill('SIGKILL')
    // It writes into the folder until it is gone.
    if (dump.exitCode === null && dump.signalCode === null) await once(dump, 'exit')
  })
  const { leader, sessions } = await eventually(async () => {
    const seen = await serverSnapshot(clientOf(db))
    const dumping = seen.sessions.some(({ query }) => query?.startsWith('COPY public.large'))
    // Its transaction is the first: the workers, which may idle as well, take over its snapshot.
    const [found] = seen.sessions
      .filter(
        ({ application, transactionStart }) => application === 'nightly' && transactionStart !== undefined,
      )
      .toSorted((a, b) => String(a.transactionStart).localeCompare(String(b.transactionStart)))
    if (!dumping || found === undefined || !isIdleInTransaction(found)) {
      throw new Error('the dump is not under way')
    }
    return { leader: found, sessions: seen.sessions }
  })
  expect(spareReason(leader, sessions)).toBe('a backup: ending it spoils it')
})
