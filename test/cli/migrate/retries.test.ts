import { describe, expect, it } from 'vitest'
import { openSession } from '../../postgres/sessions.ts'
import { exitCode } from '../command-line.ts'
import { alter, columnsOf, forgetTransaction, migrate, tool, useDatasets } from './migrations.ts'

const db = useDatasets()

describe('a command that failed because of locks', () => {
  it('tries again after the lock timeout, and gives up after so many retries', async () => {
    const idle = await forgetTransaction(db)
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

describe('an index that is built concurrently', () => {
  it('is named when it is left behind invalid, and there is no retry', async () => {
    const idle = await openSession(db, 'web')
    await idle.run('BEGIN; INSERT INTO datasets VALUES (1)')
    const command = tool('CREATE INDEX CONCURRENTLY datasets_id ON datasets (id)')
    const run = migrate(db, ['--lock-timeout', '1s'], command)
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).toContain(
      'index public.datasets_id on datasets is left behind, invalid: it slows down writes and serves no query\n' +
        '  before you run the command again: DROP INDEX CONCURRENTLY public.datasets_id;',
    )
    expect(run.err()).not.toContain('tries again')
    await idle.run('ROLLBACK')
  })
})
