import { describe, expect, it, onTestFinished } from 'vitest'
import type { CheckReport } from '../../../src/postgres/report/server-report.ts'
import { buildHeldUpStandby, buildIncident, openSession } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'
import { exitCode, pgLifeguard, settled } from '../command-line.ts'

const db = useDatabase()

const check = (args: readonly string[] = [], columns?: number) =>
  pgLifeguard(['check', '--database', db.name, ...args], {
    url: db.url,
    ...(columns === undefined ? {} : { columns }),
  })

const report = async (args: readonly string[] = []): Promise<CheckReport> =>
  JSON.parse((await check(['--json', ...args])).out)

/** Without the safety nets and who is connected, which have tests of their own. */
const above = (text: string) =>
  (text.split('\n\nSafety nets')[0] ?? '').replace(/\n\nConnected to database .*?(?=\n\n)/s, '')

describe('check', () => {
  it('prints the chain of the incident: one root, and everyone behind it in order', async () => {
    const { idle, alters, reader } = await buildIncident(db)
    const { code, out } = await check()
    expect(code).toBe(exitCode.found)
    const names = {
      '<database>': db.name,
      '<idle>': idle.pid,
      '<alter 1>': alters[0]?.pid ?? 0,
      '<alter 2>': alters[1]?.pid ?? 0,
      '<alter 3>': alters[2]?.pid ?? 0,
      '<reader>': reader.pid,
    }
    expect(settled(above(out), names)).toMatchInlineSnapshot(`
      "PostgreSQL <version> at 127.0.0.1:<port>, database <database>, as postgres

      Who blocks whom
      pid <idle>  idle in transaction for <time>: blocks 4 sessions
        application idle, user postgres, database <database>, client 127.0.0.1:<port>
        last query: SELECT * FROM accounts
      └─ pid <alter 1>  waits <time> for AccessExclusiveLock on public.accounts
           application alter 1, user postgres, database <database>, client 127.0.0.1:<port>
           query: ALTER TABLE accounts ADD COLUMN extra_1 int
        └─ pid <alter 2>  waits <time> for AccessExclusiveLock on public.accounts
             application alter 2, user postgres, database <database>, client 127.0.0.1:<port>
             query: ALTER TABLE accounts ADD COLUMN extra_2 int
          └─ pid <alter 3>  waits <time> for AccessExclusiveLock on public.accounts
               application alter 3, user postgres, database <database>, client 127.0.0.1:<port>
               query: ALTER TABLE accounts ADD COLUMN extra_3 int
            └─ pid <reader>  waits <time> for AccessShareLock on public.accounts
                 application reader, user postgres, database <database>, client 127.0.0.1:<port>
                 query: SELECT * FROM accounts
        to end it: pg-lifeguard terminate --pid <idle>

      1 root blocks 4 sessions (1 idle in a transaction for less than 30 s)"
    `)
  })

  it('is clean where nothing blocks, and says so', async () => {
    const { code, out } = await check()
    expect(code).toBe(exitCode.clean)
    expect(above(out)).toMatch(
      /\n\nNothing blocks, and no session is idle in a transaction for 30 s or longer$/,
    )
    expect(await report()).toMatchObject({ verdict: 'clean', roots: [], blocking: [], idleInTransaction: [] })
  })

  it('names the safety nets that are off, and the statements that switch them on', async () => {
    const { out } = await check()
    // PostgreSQL has it since 17.
    const everywhere = out.replace(/ {2}transaction_timeout:.*\n.*\n/, '')
    expect(everywhere.split('\n\n').at(-1)?.replaceAll(db.name, '<database>')).toMatchInlineSnapshot(`
      "Safety nets that are off in database <database>
        idle_in_transaction_session_timeout: ends a session that is idle in a transaction for too long
          ALTER DATABASE <database> SET idle_in_transaction_session_timeout = '60s';
        lock_timeout: cancels a statement that waits too long for a lock, with others queueing behind it
          ALTER DATABASE <database> SET lock_timeout = '10s';
        statement_timeout: cancels a statement that runs too long
          ALTER DATABASE <database> SET statement_timeout = '5min';
        idle_session_timeout: ends an idle session; pools must expect it
          ALTER DATABASE <database> SET idle_session_timeout = '1d';
        client_connection_check_interval: ends a statement whose client is gone, even while it waits for a lock
          ALTER DATABASE <database> SET client_connection_check_interval = '10s';
        log_lock_waits: logs sessions that wait longer than deadlock_timeout, and their blockers
          ALTER SYSTEM SET log_lock_waits = on; SELECT pg_reload_conf();"
    `)
  })

  it('reports what is idle in a transaction for the limit, failed ones too', async () => {
    const [plain, failed] = [await openSession(db, 'plain'), await openSession(db, 'failed')]
    await plain.run('BEGIN')
    await failed.run('BEGIN')
    await failed.run("SELECT 'secret'::int").catch(() => {})
    expect((await check()).code).toBe(exitCode.clean)
    expect(above((await check()).out)).toMatch(/\(2 for less than 30 s\)$/)
    const found = await check(['--min-idle', '0'])
    expect(found.code).toBe(exitCode.found)
    expect(found.out).toContain(`pid ${failed.pid}  idle in transaction (aborted) for`)
    expect(found.out).toContain('last query: SELECT ?::int')
    expect(found.out).not.toContain('secret')
  })

  it('shows statements as asked', async () => {
    const idle = await openSession(db, 'idle')
    await idle.run("BEGIN; SELECT 'sesame'")
    const query = async (mode: string) =>
      (await report(['--min-idle', '0', '--query-text', mode])).idleInTransaction[0]?.query
    expect(await query('full')).toBe("BEGIN; SELECT 'sesame'")
    expect(await query('redacted')).toBe('BEGIN; SELECT ?')
    expect(await query('none')).toBeUndefined()
  })

  it('lets no text of the database steer the terminal or fake a line', async () => {
    const hostile = await openSession(db, 'evil\u001b[2Jname')
    await hostile.run('BEGIN; SELECT 1 AS "\u001b[31m\r\nNothing blocks\u202e"')
    const { out } = await check(['--min-idle', '0', '--query-text', 'full'])
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
    expect(out.split('\n').some((line) => line.startsWith('Nothing blocks'))).toBe(false)
  })

  it('stays readable with 90 waiters, and in a narrow terminal', async () => {
    const holder = await openSession(db, 'holder')
    await holder.run('BEGIN; LOCK TABLE items')
    for (let number = 0; number < 90; number += 1) {
      const session = await openSession(db, 'web')
      const statement = number === 40 ? 'ALTER TABLE items ADD COLUMN x int' : 'SELECT FROM items'
      // In this order, however slow the machine is: what is before ALTER TABLE, and what is behind it.
      if (number <= 40) await session.waitsFor(statement)
      else void session.client.query(statement).catch(() => {})
    }
    const last = await openSession(db, 'web')
    await last.waitsFor('SELECT FROM items')
    const { out } = await check([], 60)
    const text = above(out)
    expect(text).toMatch(/└─ 40 alike, side by side: wait .* for AccessShareLock on public\.items/)
    expect(text).toMatch(/└─ 50 alike, side by side/)
    expect(text.split('\n').length).toBeLessThan(40)
    const statements = text.split('\n').filter((line) => !line.includes('ALTER DATABASE'))
    expect(Math.max(...statements.map((line) => line.length))).toBeLessThanOrEqual(90)
    expect((await report()).blocking).toHaveLength(92)
  })

  it('does not say that all is well when it cannot see all', async () => {
    await db.query("CREATE ROLE checker LOGIN PASSWORD 'secret'")
    onTestFinished(async () => void (await db.query('DROP ROLE checker')))
    const url = new URL(db.url)
    url.username = 'checker'
    url.password = 'secret'
    await openSession(db, 'other')
    const { code, out } = await pgLifeguard(['check', '--database', db.name], { url: url.href })
    expect(code).toBe(exitCode.notAllVisible)
    expect(out).toMatch(/Of what can be seen, nothing blocks/)
    expect(out).toContain('To see all: GRANT pg_read_all_stats TO checker')
    const { idle } = await buildIncident(db, 'items')
    const blocked = await pgLifeguard(['check', '--database', db.name], { url: url.href })
    expect(blocked.code).toBe(exitCode.found)
    expect(blocked.out).toContain(`pid ${idle.pid}  hidden from this role: blocks 4 sessions`)
  })

  it('shows two roots of one waiter, and the waiter once', async () => {
    const [one, two, migration] = [
      await openSession(db, 'one'),
      await openSession(db, 'two'),
      await openSession(db, 'migration'),
    ]
    for (const reader of [one, two]) await reader.run('BEGIN; SELECT FROM items')
    await migration.waitsFor('ALTER TABLE items ADD COLUMN twice int')
    const { out } = await check()
    expect(out).toContain('2 roots block 1 session')
    expect(out.match(new RegExp(`└─ pid ${migration.pid}\\b`, 'g'))).toHaveLength(1)
    expect(out).toMatch(new RegExp(`└─ pid ${migration.pid} .*, also behind pid (${one.pid}|${two.pid})`))
    expect(out).toContain(`  also blocks pid ${migration.pid}, shown above`)
    expect((await report()).roots.toSorted()).toEqual([`pid ${one.pid}`, `pid ${two.pid}`].toSorted())
    const preview = await pgLifeguard(['terminate', '--pid', `${one.pid}`, '--dry-run'], { url: db.url })
    expect(preview.out).toContain('is rolled back; no session is freed')
  })

  it('shows a prepared transaction and its cure', async () => {
    const preparing = await openSession(db, 'preparing')
    await preparing.run("BEGIN; LOCK TABLE items IN SHARE MODE; PREPARE TRANSACTION 'it''s'")
    onTestFinished(async () => void (await db.query("ROLLBACK PREPARED 'it''s'")))
    const writer = await openSession(db, 'writer')
    await writer.waitsFor("INSERT INTO items (note) VALUES ('x')")
    const { code, out } = await check()
    expect(code).toBe(exitCode.found)
    expect(out).toMatch(/prepared transaction 'it's' for .*: blocks 1 session/)
    expect(out).toContain(`  to end it, in database ${db.name}, as its owner or a superuser:
    ROLLBACK PREPARED 'it''s';
  or, if its distributed transaction was committed elsewhere:
    COMMIT PREPARED 'it''s';
`)
    // Once: it is no news further down.
    expect(out.match(/ROLLBACK PREPARED/g)).toHaveLength(1)
  })

  it('calls a cycle a deadlock after a second look, and has no root for it', async () => {
    await db.query('INSERT INTO accounts VALUES (1, 0), (2, 0) ON CONFLICT DO NOTHING')
    const [one, two] = [await openSession(db, 'one'), await openSession(db, 'two')]
    for (const session of [one, two]) await session.run("SET deadlock_timeout = '1h'")
    await one.run('BEGIN; UPDATE accounts SET balance = 1 WHERE id = 1')
    await two.run('BEGIN; UPDATE accounts SET balance = 2 WHERE id = 2')
    await one.waitsFor('UPDATE accounts SET balance = 1 WHERE id = 2')
    await two.waitsFor('UPDATE accounts SET balance = 2 WHERE id = 1')
    const { out, code } = await check()
    expect(code).toBe(exitCode.found)
    expect(out).toMatch(/a deadlock: pid \d+, pid \d+ wait for each other/)
    expect((await report()).roots).toEqual([])
  })

  it('tells who holds up a standby, and where its safety nets are set', async () => {
    const { url, idlePid } = await buildHeldUpStandby()
    const { code, out } = await pgLifeguard(['check', '--database', 'postgres'], { url })
    expect(out).toMatch(/at 127\.0\.0\.1:\d+, a standby, database postgres, as postgres/)
    expect(out).toContain(`pid ${idlePid}  idle in transaction`)
    expect(out).toMatch(
      /└─ pid \d+ {2}waits .+ for AccessExclusiveLock on public\.followed\n +the server's own process startup\n/,
    )
    expect(out).toContain(`to end it: pg-lifeguard terminate --pid ${idlePid}`)
    expect(out).toContain('This is a standby: ALTER DATABASE is for its primary.')
    expect(code).toBe(exitCode.found)
  })

  it('leaves out waits that are shorter than asked', async () => {
    await buildIncident(db)
    const { code } = await check(['--min-wait', '1h'])
    expect(code).toBe(exitCode.clean)
  })
})
