import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { buildHiddenRoot, buildIncident, openSession } from '../../postgres/sessions.ts'
import { createDatabase, useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { guardedPool } from '../../support/guarded-pool.ts'
import { exitCode, pgLifeguard, type Setting, settled } from '../command-line.ts'

const db = useDatabase()
/** Its processes may be on another machine. */
const isForeign = process.env.PGLIFEGUARD_TEST_URL !== undefined

const run = (command: string, args: readonly (string | number)[], setting: Setting = {}) =>
  pgLifeguard([command, '--database', db.name, ...args.map(String)], { url: db.url, ...setting })
const terminate = (args: readonly (string | number)[], setting?: Setting) => run('terminate', args, setting)

describe('the incident', () => {
  it('is seen by check, ended by terminate, and over then', async () => {
    const { idle, alters, reader, waiting } = await buildIncident(db)
    const seen = await run('check', [])
    expect(seen.code).toBe(exitCode.found)
    expect(seen.out).toContain(`to end it: pg-lifeguard terminate --pid ${idle.pid}`)

    const { code, out } = await terminate(['--blocking', reader.pid, '--yes'])
    const names = { '<database>': db.name, '<idle>': idle.pid, '<reader>': reader.pid }
    const alterNames = Object.fromEntries(alters.map(({ name, pid }) => [`<${name}>`, pid]))
    expect(
      settled(out, { ...names, ...alterNames }).replace(/open for [^,]+,/, 'open for <time>,'),
    ).toMatchInlineSnapshot(`
      "pid <idle>  idle in transaction for <time>
        application idle, user postgres, database <database>, client 127.0.0.1:<port>
        last query: SELECT * FROM accounts
        its transaction, open for <time>, is rolled back; 4 sessions are freed: pid <alter 1>, pid <alter 2>, pid <alter 3>, pid <reader>
      pid <idle>  ended
      All 4 sessions that waited are free."
    `)
    expect(code).toBe(exitCode.clean)
    expect(await Promise.all(waiting.map(({ outcome }) => outcome))).toEqual(Array(4).fill(undefined))

    const after = await run('check', ['--min-idle', '0'])
    expect(after.code).toBe(exitCode.clean)
    expect(after.out).toContain('Nothing blocks')
  })
})

describe('terminate', () => {
  it('asks first, and does nothing on a no or a dry run', async () => {
    const { idle } = await buildIncident(db, 'items')
    const no = await terminate(['--pid', idle.pid], { answer: false })
    expect(no).toMatchObject({ code: exitCode.found, err: 'Nothing was done.' })
    expect(no.out).toMatch(/its transaction, open for .*, is rolled back; 4 sessions are freed: pid/)
    expect((await terminate(['--pid', idle.pid, '--dry-run'])).code).toBe(exitCode.found)
    const nobody = await terminate(['--pid', idle.pid])
    expect(nobody).toMatchObject({ code: exitCode.usage })
    expect(nobody.err).toContain('add --yes')
    expect((await idle.run('SELECT 1')).rowCount).toBe(1)
    expect((await terminate(['--pid', idle.pid], { answer: true })).code).not.toBe(exitCode.usage)
  })

  it('leaves alone what has gone on with its work while the question stood', async () => {
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN')
    const { code, out } = await terminate(['--pid', idle.pid], {
      answer: true,
      onQuestion: async () => void (await idle.run('COMMIT')),
    })
    expect(code).toBe(exitCode.found)
    expect(out).toContain(`pid ${idle.pid}  changed: it is idle now, no longer idle in transaction`)
    expect((await idle.run('SELECT 1')).rowCount).toBe(1)
  })

  it('says of one that ended meanwhile that it is gone, not that it was ended', async () => {
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN')
    const { code, out } = await terminate(['--pid', idle.pid], {
      answer: true,
      onQuestion: async () => {
        await idle.client.end()
        await eventually(async () => {
          expect((await db.sessions()).map(({ pid }) => pid)).not.toContain(idle.pid)
        })
      },
    })
    expect(out).toContain(`pid ${idle.pid}  gone: it has ended by itself`)
    expect(code).toBe(exitCode.clean)
  })

  it('ends all that idle in a transaction for the limit, failed ones too, and nobody else', async () => {
    const names = ['open', 'failed', 'idle', 'busy']
    const sessions = await Promise.all(names.map((name) => openSession(db, name)))
    const [open, failed, idle, busy] = sessions
    await open?.run('BEGIN')
    await failed?.run('BEGIN')
    await failed?.run('SELECT 1/0').catch(() => {})
    await busy?.run('BEGIN')
    const sleeping = busy?.client.query('SELECT pg_sleep(30)').catch(() => {})
    await eventually(async () => {
      expect((await db.sessions()).filter(({ wait_event }) => wait_event === 'PgSleep')).toHaveLength(1)
    })
    expect((await terminate(['--idle-in-transaction', '1h', '--yes'])).code).toBe(exitCode.clean)
    const { code, out } = await terminate(['--idle-in-transaction', '0', '--yes', '--json'])
    expect(code).toBe(exitCode.clean)
    const { results } = JSON.parse(out)
    const both = [open, failed].map((session) => ({ pid: session?.pid, outcome: 'ended' }))
    expect(results).toHaveLength(both.length)
    expect(results).toEqual(expect.arrayContaining(both))
    expect((await idle?.run('SELECT 1'))?.rowCount).toBe(1)
    await db.query('SELECT pg_cancel_backend($1)', [busy?.pid])
    await sleeping
  })

  it('shows the second root that was hidden behind the first', async () => {
    const { writer, outcome } = await buildHiddenRoot(db)
    const first = await terminate(['--blocking', writer.pid, '--yes'])
    expect(first.code).toBe(exitCode.found)
    expect(first.out).toContain(`1 session still blocked (pid ${writer.pid}), behind:`)
    expect(first.out).toMatch(/ {2}pid \d+ {2}idle in transaction/)
    const second = await terminate(['--blocking', writer.pid, '--yes'])
    expect(second.code).toBe(exitCode.clean)
    expect(await outcome).toBeUndefined()
  })

  it('cancels the statement first where that is asked for, and only ends the session if it still blocks', async () => {
    const [busy, stubborn, waiting] = [
      await openSession(db, 'busy'),
      await openSession(db, 'stubborn'),
      await openSession(db, 'waiting'),
    ]
    const sleep = () =>
      eventually(async () => {
        expect((await db.sessions()).some(({ wait_event }) => wait_event === 'PgSleep')).toBe(true)
      })
    await busy.run('BEGIN; LOCK TABLE items')
    const cancelled = busy.client.query('SELECT pg_sleep(60)').catch((error: { code: string }) => error.code)
    await sleep()
    const { outcome } = await waiting.waitsFor('SELECT FROM items')
    const gentle = await terminate(['--blocking', waiting.pid, '--cancel', '--yes'])
    expect(gentle.out).toContain(`pid ${busy.pid}  its statement has ended, the session continues`)
    expect(gentle.code).toBe(exitCode.clean)
    expect([await cancelled, await outcome]).toEqual(['57014', undefined])
    expect((await busy.run('ROLLBACK')).command).toBe('ROLLBACK')

    // With a savepoint the lock outlives the statement.
    await stubborn.run('BEGIN; LOCK TABLE items; SAVEPOINT s')
    void stubborn.client.query('SELECT pg_sleep(60)').catch(() => {})
    await sleep()
    await waiting.waitsFor('SELECT FROM items')
    const firm = await terminate(['--pid', stubborn.pid, '--cancel', '--yes'])
    expect(firm.out).toContain(`pid ${stubborn.pid}  ended`)
    expect(firm.code).toBe(exitCode.clean)
  })

  it.each([
    [['--pid', '0'], 'It must be the process id of a session'],
    [['--pid', '1', '--blocking', '2'], 'Give exactly one'],
    [[], 'Give exactly one of --pid, --idle-in-transaction and --blocking'],
    [['--idle-in-transaction', '5'], 'It must be a duration'],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await terminate(args)
    expect(err).toContain(message)
    expect(code).toBe(exitCode.usage)
  })

  it('never ends other processes of the server, and knows that a pid is nobody', async () => {
    const { rows } = await db.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'",
    )
    const refused = await terminate(['--pid', rows[0]?.pid ?? 0, '--yes'])
    expect(refused.out).toContain('denied: it is not a client session: checkpointer')
    expect(refused.code).toBe(exitCode.found)
    const nobody = await terminate(['--pid', 2 ** 31 - 1, '--yes'])
    expect(nobody.out).toContain('gone: there is no such session')
    expect(nobody.code).toBe(exitCode.found)
  })

  it('means a pid wherever it is, and sessions that idle in the database that is named', async () => {
    const other = await createDatabase()
    onTestFinished(() => other.drop())
    const [elsewhere, here] = [await openSession(other, 'elsewhere'), await openSession(db, 'here')]
    for (const session of [elsewhere, here]) await session.run('BEGIN')
    const some = await terminate(['--idle-in-transaction', '0', '--yes', '--json'])
    expect(JSON.parse(some.out).results).toEqual([{ pid: here.pid, outcome: 'ended' }])
    const one = await terminate(['--pid', elsewhere.pid, '--yes', '--json'])
    expect(JSON.parse(one.out).results).toEqual([{ pid: elsewhere.pid, outcome: 'ended' }])
  })

  it('goes on after one that it may not end, and names the grant', async () => {
    await db.query(
      "CREATE ROLE ender LOGIN PASSWORD 'secret'; GRANT pg_read_all_stats TO ender; CREATE ROLE app LOGIN PASSWORD 'secret'",
    )
    onTestFinished(async () => void (await db.query('DROP ROLE ender; DROP ROLE app')))
    const as = (user: string) => ({ user, password: 'secret' })
    const sessions = [
      await openSession(db, 'first', as('ender')),
      await openSession(db, 'second', as('app')),
      await openSession(db, 'third', as('ender')),
    ]
    for (const session of sessions) await session.run('BEGIN')
    const url = new URL(db.url)
    Object.assign(url, { username: 'ender', password: 'secret' })
    const { code, out } = await terminate(['--idle-in-transaction', '0', '--yes'], { url: url.href })
    const [first, second, third] = sessions.map(({ pid }) => pid)
    expect(out).toContain(`pid ${first}  ended`)
    expect(out).toContain(
      `pid ${second}  denied: the role ender may not signal sessions of app\n  GRANT pg_signal_backend TO ender`,
    )
    expect(out).toContain(`pid ${third}  ended`)
    expect(code).toBe(exitCode.found)
  })

  it('does not call it done where it cannot see who idles', async () => {
    await db.query("CREATE ROLE blind LOGIN PASSWORD 'secret'")
    onTestFinished(async () => void (await db.query('DROP ROLE blind')))
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN')
    const url = new URL(db.url)
    Object.assign(url, { username: 'blind', password: 'secret' })
    const { code, out } = await terminate(['--idle-in-transaction', '0', '--yes'], { url: url.href })
    expect(out).toMatch(
      /^\d+ sessions? cannot be seen by this role. To see all: GRANT pg_read_all_stats TO blind$/m,
    )
    expect(code).toBe(exitCode.notAllVisible)
  })

  it.skipIf(isForeign)('says of a stopped process that it is still alive', async () => {
    const stopped = await openSession(db, 'stopped')
    await stopped.run('BEGIN')
    process.kill(stopped.pid, 'SIGSTOP')
    onTestFinished(() => void process.kill(stopped.pid, 'SIGCONT'))
    const { code, out } = await terminate(['--pid', stopped.pid, '--yes', '--wait', '200ms'])
    expect(out).toContain('signalled: still alive 200 ms after the signal')
    expect(code).toBe(exitCode.found)
  })

  it('tells how to end a prepared transaction, which has no session', async () => {
    const preparing = await openSession(db, 'preparing')
    await preparing.run("BEGIN; LOCK TABLE items IN SHARE MODE; PREPARE TRANSACTION 'left'")
    onTestFinished(async () => void (await db.query("ROLLBACK PREPARED 'left'")))
    const writer = await openSession(db, 'writer')
    await writer.waitsFor("INSERT INTO items (note) VALUES ('x')")
    const { code, out } = await terminate(['--blocking', writer.pid, '--yes'])
    expect(out).toContain("ROLLBACK PREPARED 'left'")
    expect(code).toBe(exitCode.found)
  })

  it('does not crash an application whose checked-out client it ends, if a lifeguard watches the pool', async () => {
    const { pool, found } = guardedPool({ ...db.config, max: 1 }, {}, new pg.Pool({ ...db.config, max: 1 }))
    const client = await pool.connect()
    await client.query('BEGIN')
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
    expect((await terminate(['--pid', rows[0].pid, '--yes'])).code).toBe(exitCode.clean)
    expect((await found('session-killed')).checkout.pid).toBe(rows[0].pid)
    client.release(true)
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })
})
