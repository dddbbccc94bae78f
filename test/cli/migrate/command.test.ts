import { describe, expect, it } from 'vitest'
import { exitCode, pgLifeguard } from '../command-line.ts'
import {
  alter,
  columnsOf,
  expectNothingLeft,
  forgetTransaction,
  migrate,
  tool,
  useDatasets,
  waiter,
} from './migrations.ts'

const db = useDatasets()

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
    expect(missing.err()).toContain('no-such-tool: command not found')
    const below = `${process.execPath}/tool`
    const impossible = migrate(db, [], [below])
    expect((await impossible.ended).code).toBe(126)
    expect(impossible.err()).toContain(`${below} could not be started: spawn ENOTDIR`)
  })

  it('tells each event as a line of JSON', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--json', '--lock-timeout', '2s', '--retries', '0'], tool(alter))
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

  it('goes on when nobody reads its messages any more, as behind `2>&1 | head`', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--lock-timeout', '2s', '--retries', '0'], tool(alter))
    await run.printed('lock timeout')
    run.process.stderr?.destroy()
    await waiter(db, alter)
    expect(await run.ended).toEqual({ code: exitCode.locks, signal: null })
    await expectNothingLeft(db)
    await idle.run('COMMIT')
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
