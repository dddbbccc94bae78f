import { describe, expect, it } from 'vitest'
import { openSession } from '../../postgres/sessions.ts'
import { exitCode } from '../command-line.ts'
import { alter, columnsOf, forgetTransaction, migrate, tool, useDatasets, waiter } from './migrations.ts'

const db = useDatasets()

describe('a command that failed because of locks', () => {
  it('tries again after the lock timeout, and gives up after so many retries', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--lock-timeout', '2s', '--retries', '2'], tool(alter))
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
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--lock-timeout', '1s'], tool(alter))
    await run.printed('tries again')
    await idle.run('COMMIT')
    expect((await run.ended).code).toBe(0)
    expect(run.out()).toBe('done\n')
    expect(await columnsOf(db, 'datasets')).toContain('name')
  })

  it('does not try again what fails after it got its lock', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--lock-timeout', '0'], tool(alter, 'SELECT nonsense'))
    await run.printed('behind')
    await idle.run('COMMIT')
    expect((await run.ended).code).toBe(1)
    expect(run.err()).not.toContain('tries again')
  })

  it('ends during a pause between two attempts', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--lock-timeout', '1s', '--retry-pause', '1h'], tool(alter))
    await run.printed('tries again')
    run.process.kill('SIGTERM')
    expect((await run.ended).code).toBe(143)
    await idle.run('COMMIT')
  })
})

describe('a deadlock', () => {
  it('is named, and its victim is run again', async () => {
    await db.query('DROP TABLE IF EXISTS other; CREATE TABLE other ()')
    const rival = await openSession(db, 'rival')
    await rival.run('BEGIN; LOCK TABLE datasets')
    // The one that looks for deadlocks is the victim.
    await rival.run("SET LOCAL deadlock_timeout = '1h'")
    const command = tool("SET deadlock_timeout = '4s'", 'BEGIN', 'LOCK TABLE other', alter, 'COMMIT')
    const run = migrate(db, ['--lock-timeout', '1m'], command)
    await waiter(db, alter)
    const { outcome } = await rival.waitsFor('LOCK TABLE other')
    expect(await outcome).toBeUndefined()
    // At once, so that the lock is free when the next look comes.
    await rival.run('COMMIT')
    expect((await run.ended).code, run.err()).toBe(0)
    expect(run.err()).toMatch(/pid \d+ was the victim of a deadlock \(40P01\)/)
    expect(run.err()).toContain('They wait for each other')
    expect(run.err()).not.toContain('it blocks itself')
    expect(run.err()).toContain('tool: deadlock detected')
    expect(run.err()).toContain('tries again')
    expect(run.err().match(/got its lock/g) ?? []).toHaveLength(0)
    expect(await columnsOf(db, 'datasets')).toContain('name')
  })
})

describe('a deadlock with another victim', () => {
  it('leaves the command alone: it got its lock', async () => {
    await db.query('DROP TABLE IF EXISTS other; CREATE TABLE other ()')
    const rival = await openSession(db, 'rival')
    await rival.run('BEGIN; LOCK TABLE datasets')
    const command = tool("SET deadlock_timeout = '1h'", 'BEGIN', 'LOCK TABLE other', alter, 'COMMIT')
    const run = migrate(db, ['--lock-timeout', '1m'], command)
    await waiter(db, alter)
    const { outcome } = await rival.waitsFor('LOCK TABLE other')
    expect(await outcome).toMatchObject({ code: '40P01' })
    expect((await run.ended).code, run.err()).toBe(0)
    expect(run.err()).toMatch(/pid \d+ got its lock after/)
    expect(run.err()).not.toContain('victim')
  })
})

describe('a command that would fail again', () => {
  const short = ['--lock-timeout', '2s']

  it('is not run again if it waits for a session of its own', async () => {
    const script = `
      import pg from 'pg'
      const [one, two] = [new pg.Client(), new pg.Client()]
      await Promise.all([one.connect(), two.connect()])
      await one.query('BEGIN')
      await one.query('SELECT id FROM datasets')
      await two.query('${alter}').catch(() => process.exit(1))`
    const run = migrate(db, short, [process.execPath, '--input-type=module', '-e', script])
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).toMatch(/pid \d+ waited for another session of the command itself/)
    expect(run.err()).not.toContain('tries again')
  })

  it('is not run again after somebody terminated it, and keeps its exit code', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, [], tool(alter))
    const pid = await waiter(db, alter)
    await run.printed('behind')
    await db.terminate(pid)
    expect((await run.ended).code).toBe(1)
    expect(run.err()).toContain(`pid ${pid} of the command was terminated from outside`)
    expect(run.err()).not.toContain('tries again')
    await idle.run('COMMIT')
  })

  it('is run again if it was a session of somebody else that was terminated', async () => {
    const idle = await forgetTransaction(db)
    const other = await openSession(db, 'other')
    const run = migrate(db, short, tool(alter))
    await run.printed('behind')
    await db.terminate(other.pid)
    await run.printed('tries again')
    await idle.run('COMMIT')
    expect((await run.ended).code).toBe(0)
  })
})

describe('a command that fails because another migration is said to run', () => {
  const locked = (key: string) =>
    `DO $$ BEGIN IF NOT pg_try_advisory_lock(${key}) THEN RAISE 'taken'; END IF; END $$`

  it('is told who holds the advisory lock of its tool, though nobody waits', async () => {
    const [holder, other] = [await openSession(db, 'ci'), await openSession(db, 'other')]
    await holder.run('SELECT pg_advisory_lock(7241865325823964)')
    await other.run('SELECT pg_advisory_lock(4711)')
    const run = migrate(db, [], tool(locked('7241865325823964')))
    expect((await run.ended).code).toBe(1)
    expect(run.err()).toContain(
      `pid ${holder.pid} holds advisory lock 7241865325823964, which node-pg-migrate takes so that only one migration runs\n  pid ${holder.pid}  idle for`,
    )
    expect(run.err()).not.toContain('lock 4711')
  })

  it('is told who may, where no tool is known to take the lock', async () => {
    const holder = await openSession(db, 'ci')
    await holder.run('SELECT pg_advisory_lock(1, 2)')
    const run = migrate(db, [], tool(locked('1, 2')))
    expect((await run.ended).code).toBe(1)
    expect(run.err()).toContain(
      `pid ${holder.pid} holds advisory lock 1, 2: if the command reports that another migration is running, this may be the cause`,
    )
  })
})
