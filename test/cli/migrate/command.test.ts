import { execFileSync } from 'node:child_process'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLifeguard } from '../../../src/index.ts'
import { openSession, type Waiting } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { hereLine } from '../../support/guarded-pool.ts'
import { startProxy } from '../../support/tcp-proxy.ts'
import { exitCode, pgLifeguard } from '../command-line.ts'
import { columnsOf, expectNothingLeft, migrate, tool, waiter } from './migrations.ts'

const db = useDatabase()

beforeEach(async () => {
  await db.query('DROP TABLE IF EXISTS datasets')
  await db.query('CREATE TABLE datasets (id int)')
})
// Not the table: who holds it is ended after this.
afterEach(() => expectNothingLeft(db))

const alter = 'ALTER TABLE datasets ADD COLUMN name text'

/** A session that read the table in a transaction and forgot it. */
async function forgetTransaction() {
  const idle = await openSession(db, 'web')
  await idle.run('BEGIN')
  await idle.run('SELECT id FROM datasets')
  return idle
}

describe('migrate', () => {
  it('runs the command, and says little where nothing is in its way', async () => {
    const run = migrate(db, [], tool(alter))
    expect(await run.ended).toEqual({ code: 0, signal: null })
    expect(run.out()).toBe('done\n')
    expect(run.err()).toBe('pg-lifeguard: lock timeout 5 s, 5 retries\n')
    expect(await columnsOf(db, 'datasets')).toContain('name')
  })

  it('passes the exit code through, and does not try again what has nothing to do with locks', async () => {
    const failed = migrate(db, [], tool('SELECT nonsense'))
    expect(await failed.ended).toEqual({ code: 1, signal: null })
    expect(failed.err()).toContain('tool: column "nonsense" does not exist')
    expect(failed.err()).not.toContain('tries again')
    const other = migrate(db, [], ['sh', '-c', 'exit 42'])
    expect((await other.ended).code).toBe(42)
    const killed = migrate(db, [], ['sh', '-c', 'kill -9 $$'])
    expect((await killed.ended).code).toBe(137)
    const missing = migrate(db, [], ['no-such-tool'])
    expect((await missing.ended).code).toBe(127)
    expect(missing.err()).toContain('no-such-tool: there is no such command')
    const below = `${process.execPath}/tool`
    const impossible = migrate(db, [], [below])
    expect((await impossible.ended).code).toBe(126)
    expect(impossible.err()).toContain(`${below} cannot be run: spawn ENOTDIR`)
  })

  it('adds to PGAPPNAME and PGOPTIONS what it needs, and overwrites nothing', async () => {
    const print = ['sh', '-c', 'echo "$PGAPPNAME|$PGOPTIONS"']
    const plain = migrate(db, [], print)
    await plain.ended
    expect(plain.out()).toMatch(/^pg-lifeguard migrate [0-9a-f]{8}\|-c lock_timeout=5000ms\n$/)
    const env = { PGAPPNAME: 'deploy', PGOPTIONS: '-c search_path=shop' }
    const added = migrate(db, ['--lock-timeout', '1s'], print, { env })
    await added.ended
    expect(added.out()).toMatch(
      /^deploy pg-lifeguard migrate [0-9a-f]{8}\|-c search_path=shop -c lock_timeout=1000ms\n$/,
    )
    for (const PGOPTIONS of ['-c lock_timeout=1s', '--lock-timeout=1s', '-c LOCK_TIMEOUT=1s']) {
      const own = migrate(db, [], print, { env: { PGOPTIONS } })
      await own.ended
      expect(own.out().trim().split('|').at(-1)).toBe(PGOPTIONS)
    }
    const none = migrate(db, ['--no-pgoptions'], print)
    await none.ended
    expect(none.out()).toMatch(/\|\n$/)
  })

  it('names who blocks it, once, and goes on when that one has gone', async () => {
    const idle = await forgetTransaction()
    const run = migrate(db, ['--lock-timeout', '0'], tool(alter))
    await run.printed('behind')
    const reader = await openSession(db, 'reader')
    await reader.waitsFor('SELECT FROM datasets')
    await idle.run('COMMIT')
    expect((await run.ended).code).toBe(0)
    const text = run.err()
    expect(text.match(/behind/g)).toHaveLength(1)
    expect(text).toMatch(
      /pid \d+ of the command waits .* for AccessExclusiveLock on public\.datasets, behind/,
    )
    expect(text).toContain(`  pid ${idle.pid}  idle in transaction for`)
    expect(text).toContain('    application web, user postgres')
    expect(text).toContain('    last query: SELECT id FROM datasets')
    expect(text).toMatch(/has its lock after .*, and goes on/)
  })

  it('frees who idles in front of it for the time that the policy says, and nobody else', async () => {
    const idle = await forgetTransaction()
    const other = await openSession(db, 'other')
    await other.run('BEGIN; SELECT 1')
    const run = migrate(db, ['--free', 'idle-in-transaction:0'], tool(alter))
    expect((await run.ended).code).toBe(0)
    expect(run.err()).toMatch(new RegExp(`ends pid ${idle.pid}, idle in transaction for .*: ended`))
    expect(await columnsOf(db, 'datasets')).toContain('name')
    expect((await other.run('SELECT 1')).rowCount).toBe(1)
    await expect(idle.run('SELECT 1')).rejects.toThrow()
  })

  it('names the line of code that opened the blocker, where the application tags its statements', async () => {
    const pool = new pg.Pool(db.config)
    pool.on('error', () => {})
    const lifeguard = createLifeguard({ tag: { application: 'orders' }, reporters: [] })
    lifeguard.watch(pool)
    const line = hereLine(1)
    const client = await lifeguard.runInScope({ kind: 'job', name: 'nightly' }, () => pool.connect())
    await client.query('BEGIN')
    await client.query('SELECT id FROM datasets')
    const run = migrate(db, ['--free', 'idle-in-transaction:0', '--lock-timeout', '0'], tool(alter))
    expect((await run.ended).code).toBe(0)
    expect(run.err()).toContain(`test/cli/migrate/command.test.ts:${line}`)
    expect(run.err()).toContain('nightly')
    client.release(true)
    await lifeguard.close()
    await pool.end()
  })

  it('looks again after it has freed one: another may stand behind', async () => {
    const first = await forgetTransaction()
    const second = await forgetTransaction()
    const run = migrate(db, ['--free', 'idle-in-transaction:0', '--lock-timeout', '0'], tool(alter))
    expect((await run.ended).code).toBe(0)
    for (const { pid } of [first, second]) expect(run.err()).toContain(`ends pid ${pid},`)
  })

  it('frees nobody who has not idled long enough, or is at work', async () => {
    const idle = await forgetTransaction()
    const short = migrate(
      db,
      ['--free', 'idle-in-transaction:1h', '--lock-timeout', '1s', '--retries', '0'],
      tool(alter),
    )
    expect((await short.ended).code).toBe(exitCode.locks)
    expect((await idle.run('SELECT 1')).rowCount).toBe(1)
    await idle.run('COMMIT')

    const busy = await openSession(db, 'busy')
    await busy.run('BEGIN; SELECT id FROM datasets')
    const sleep = busy.client.query('SELECT pg_sleep(600)').catch(() => 'ended')
    const run = migrate(
      db,
      ['--free', 'idle-in-transaction:0', '--lock-timeout', '1s', '--retries', '0'],
      tool(alter),
    )
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).not.toContain('ends pid')
    await db.query('SELECT pg_cancel_backend($1)', [busy.pid])
    expect(await sleep).toBe('ended')
  })

  it('tries again after the lock timeout, and gives up after so many retries', async () => {
    const idle = await forgetTransaction()
    const run = migrate(db, ['--lock-timeout', '1s', '--retries', '2'], tool(alter))
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err().match(/tool: canceling statement due to lock timeout/g), run.err()).toHaveLength(3)
    expect(run.err().match(/did not get its lock on public\.datasets/g), run.err()).toHaveLength(3)
    expect(run.err()).toMatch(/tries again in \d+ ms \(1 of 2\)/)
    expect(run.err()).toMatch(/tries again in \d+ ms \(2 of 2\)/)
    expect(run.err()).toContain('gave up because of locks, after 3 attempts')
    await idle.run('COMMIT')
    expect(await columnsOf(db, 'datasets')).not.toContain('name')
  })

  it('gets through at the second attempt when the blocker has gone', async () => {
    const idle = await forgetTransaction()
    const run = migrate(db, ['--lock-timeout', '1s'], tool(alter))
    await run.printed('tries again')
    await idle.run('COMMIT')
    expect((await run.ended).code).toBe(0)
    expect(run.out()).toBe('done\n')
    expect(await columnsOf(db, 'datasets')).toContain('name')
  })

  it('does not try again what fails after it got its lock', async () => {
    const idle = await forgetTransaction()
    const run = migrate(db, ['--lock-timeout', '0'], tool(alter, 'SELECT nonsense'))
    await run.printed('behind')
    await idle.run('COMMIT')
    expect((await run.ended).code).toBe(1)
    expect(run.err()).not.toContain('tries again')
  })

  it('steps back when too many wait behind it', async () => {
    const idle = await forgetTransaction()
    const run = migrate(db, ['--protect-readers', '2', '--lock-timeout', '0', '--retries', '1'], tool(alter))
    await run.printed('behind')
    const readers = [await openSession(db, 'r1'), await openSession(db, 'r2')]
    const waiting: Waiting[] = []
    for (const reader of readers) waiting.push(await reader.waitsFor('SELECT FROM datasets'))
    expect(run.err()).not.toContain('cancels')
    const last = await openSession(db, 'r3')
    const third = await last.waitsFor('SELECT FROM datasets')
    for (const { outcome } of [...waiting, third]) expect(await outcome).toBeUndefined()
    await run.printed(/cancels the statement of pid \d+, because 3 sessions wait behind it: ended/)
    await run.printed('tries again')
    await idle.run('COMMIT')
    expect((await run.ended).code).toBe(0)
  })

  it('cancels itself what waits too long where the server does not', async () => {
    const idle = await forgetTransaction()
    const command = tool('SET lock_timeout = 0', alter)
    const run = migrate(db, ['--lock-timeout', '1s', '--retries', '0'], command)
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).toMatch(
      /cancels the statement of pid \d+, which has waited longer than the lock timeout: ended/,
    )
    expect(run.err()).toContain('tool: canceling statement due to user request')
    await idle.run('COMMIT')
  })

  it('finds the session by its socket when the command has a name of its own', async () => {
    const idle = await forgetTransaction()
    const command = tool("SET application_name = 'own name'", 'SET lock_timeout = 0', alter)
    const run = migrate(db, ['--lock-timeout', '0'], ['sh', '-c', '"$0" "$@"; exit $?', ...command], {
      env: { PGAPPNAME: '' },
    })
    const pid = await waiter(db, 'ALTER TABLE datasets')
    await run.printed(`pid ${pid} of the command waits`)
    await idle.run('COMMIT')
    expect((await run.ended).code).toBe(0)
  })

  it('ends no session of the command itself, and says that it blocks itself', async () => {
    const script = `
      import pg from 'pg'
      const [one, two] = [new pg.Client(), new pg.Client()]
      await Promise.all([one.connect(), two.connect()])
      await one.query('BEGIN')
      await one.query('SELECT id FROM datasets')
      await two.query('${alter}').catch(() => process.exit(1))`
    const command = [process.execPath, '--input-type=module', '-e', script]
    const options = ['--free', 'idle-in-transaction:0', '--lock-timeout', '1s', '--retries', '0']
    const run = migrate(db, options, command)
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).toContain('(the command itself: it blocks itself)')
    expect(run.err()).not.toContain('ends pid')
  })

  it('says so when others wait and there is no statement that could be cancelled', async () => {
    const script = `
      import pg from 'pg'
      const client = new pg.Client()
      await client.connect()
      await client.query('BEGIN')
      await client.query('${alter}')
      console.log('thinking')
      process.once('SIGUSR2', () => client.query('COMMIT').then(() => client.end()))
      setInterval(() => {}, 60_000).unref()`
    const run = migrate(
      db,
      ['--protect-readers', '0'],
      [process.execPath, '--input-type=module', '-e', script],
    )
    await run.printed('thinking')
    const reader = await openSession(db, 'reader')
    const { outcome } = await reader.waitsFor('SELECT FROM datasets')
    await run.printed(/1 session wait behind pid \d+ of the command, which runs no statement/)
    execFileSync('pkill', ['-USR2', '-P', String(run.pid)])
    expect((await run.ended).code).toBe(0)
    expect(await outcome).toBeUndefined()
  })

  it('goes on when it loses sight of the server, and sees what is there when it is back', async () => {
    await using proxy = await startProxy(db.config.port, db.config.host)
    const idle = await forgetTransaction()
    const run = migrate(db, ['--url', proxy.url(db.url), '--lock-timeout', '0'], tool(alter))
    await waiter(db, alter)
    proxy.cut()
    await run.printed('lost sight of the server: ')
    await run.printed('sees the server again')
    await run.printed('of the command waits')
    expect(run.err().match(/lost sight/g)).toHaveLength(1)
    await idle.run('COMMIT')
    expect((await run.ended).code).toBe(0)
  })

  it('goes on when nobody reads its messages any more, as behind `2>&1 | head`', async () => {
    const idle = await forgetTransaction()
    const run = migrate(db, ['--lock-timeout', '1s', '--retries', '0'], tool(alter))
    await run.printed('lock timeout')
    run.process.stderr?.destroy()
    await waiter(db, alter)
    expect(await run.ended).toEqual({ code: exitCode.locks, signal: null })
    await expectNothingLeft(db)
    await idle.run('COMMIT')
  })

  it('tells each event as a line of JSON', async () => {
    const idle = await forgetTransaction()
    const run = migrate(db, ['--json', '--lock-timeout', '1s', '--retries', '0'], tool(alter))
    expect((await run.ended).code).toBe(exitCode.locks)
    const events = run
      .err()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line))
    expect(events.map(({ event }) => event)).toEqual(['started', 'waiting', 'refused', 'gave-up'])
    expect(events[1]).toMatchObject({
      session: { waitsFor: { mode: 'AccessExclusiveLock', target: 'public.datasets' } },
      behind: [{ id: `pid ${idle.pid}`, session: { application: 'web' } }],
      between: [],
    })
  })
})

describe('the end of migrate', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('passes %s on, and leaves no statement behind', async (signal, code) => {
    const idle = await forgetTransaction()
    const run = migrate(db, ['--lock-timeout', '0'], tool(alter))
    await run.printed('behind')
    run.process.kill(signal)
    expect((await run.ended).code).toBe(code)
    await expectNothingLeft(db)
    expect(run.err()).not.toContain('tries again')
    await idle.run('COMMIT')
    expect(await columnsOf(db, 'datasets')).not.toContain('name')
  })

  it('leaves it to the command what it makes of a signal', async () => {
    const script = 'trap "echo stopping; kill \\$!; exit 7" TERM; echo ready; sleep 600 & wait'
    const run = migrate(db, [], ['sh', '-c', script])
    await run.printed('ready')
    run.process.kill('SIGTERM')
    expect((await run.ended).code).toBe(7)
    expect(run.out()).toBe('ready\nstopping\n')
  })

  it('cancels also what a process left running that the command had started', async () => {
    const idle = await forgetTransaction()
    const run = migrate(db, ['--lock-timeout', '0'], ['sh', '-c', '"$0" "$@" & wait', ...tool(alter)])
    await run.printed('behind')
    run.process.kill('SIGTERM')
    await run.printed('tool: canceling statement due to user request')
    expect(await run.ended).toEqual({ code: 143, signal: null })
    await idle.run('COMMIT')
    expect(await columnsOf(db, 'datasets')).not.toContain('name')
  })

  it('cancels the statement of a command that was killed: it is not applied later', async () => {
    const idle = await forgetTransaction()
    const run = migrate(db, ['--lock-timeout', '0'], tool(alter))
    await waiter(db, 'ALTER TABLE datasets')
    await run.printed('behind')
    execFileSync('pkill', ['-KILL', '-P', String(run.pid)])
    expect((await run.ended).code).toBe(137)
    expect(run.err()).toMatch(/cancels the statement of pid \d+, which the command left behind: ended/)
    await eventually(async () =>
      expect((await db.sessions()).filter(({ query }) => query.includes('ALTER'))).toEqual([]),
    )
    await idle.run('COMMIT')
    expect(await columnsOf(db, 'datasets')).not.toContain('name')
  })

  it('ends during a pause between two attempts', async () => {
    const idle = await forgetTransaction()
    const run = migrate(db, ['--lock-timeout', '1s', '--retry-pause', '1h'], tool(alter))
    await run.printed('tries again')
    run.process.kill('SIGTERM')
    expect((await run.ended).code).toBe(143)
    await idle.run('COMMIT')
  })
})

describe('an index that is built concurrently', () => {
  it('is named when it is left behind invalid, and there is no retry', async () => {
    const idle = await openSession(db, 'web')
    await idle.run('BEGIN; INSERT INTO datasets VALUES (1)')
    const command = tool('CREATE INDEX CONCURRENTLY datasets_id ON datasets (id)')
    const run = migrate(db, ['--lock-timeout', '1s'], command)
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).toContain(
      'index public.datasets_id on datasets is left behind, invalid: it costs and helps nobody\n' +
        '  before you run the command again: DROP INDEX CONCURRENTLY public.datasets_id;',
    )
    expect(run.err()).not.toContain('tries again')
    await idle.run('ROLLBACK')
  })
})

describe('the command line of migrate', () => {
  it('explains itself', async () => {
    const { out, code } = await pgLifeguard(['migrate', '--help'], { columns: 110 })
    expect(code).toBe(0)
    for (const part of [
      '--protect-readers <count>',
      '75  gave up because of locks',
      'CREATE INDEX CONCURRENTLY',
    ]) {
      expect(out).toContain(part)
    }
  })

  it.each([
    [['migrate'], "missing required argument 'command'"],
    [['migrate', '--free', 'all:30s', '--', 'true'], 'It must look like idle-in-transaction:30s.'],
    [['migrate', '--retries', '-1', '--', 'true'], 'It must be a whole number.'],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await pgLifeguard(args, { url: db.url })
    expect(err).toContain(message)
    expect(code).toBe(exitCode.usage)
  })

  it('runs nothing without a connection', async () => {
    const args = ['migrate', '--', 'sh', '-c', 'exit 42']
    const { code } = await pgLifeguard(args, { url: 'postgres://app@127.0.0.1:1/shop' })
    expect(code).toBe(exitCode.noConnection)
  })
})
