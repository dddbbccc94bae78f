import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { openSession, type Waiting } from '../../../postgres/sessions.ts'
import { exitCode } from '../../command-line.ts'
import { alter, columnsOf, forgetTransaction, migrate, tool, useDatasets } from '../migrations.ts'

const db = useDatasets()

describe('migrate --free', () => {
  it('frees who idles in front of it for the time that the policy says, and nobody else', async () => {
    const idle = await forgetTransaction(db)
    const other = await openSession(db, 'other')
    await other.run('BEGIN; SELECT 1')
    const run = migrate(db, ['--free', 'idle-in-transaction:0'], tool(alter))
    expect((await run.ended).code).toBe(0)
    expect(run.err()).toMatch(new RegExp(`ends pid ${idle.pid}, idle in transaction for .*: ended`))
    expect(await columnsOf(db, 'datasets')).toContain('name')
    expect((await other.run('SELECT 1')).rowCount).toBe(1)
    await expect(idle.run('SELECT 1')).rejects.toThrow()
  })

  it('looks again after it has freed one: another may stand behind', async () => {
    const first = await forgetTransaction(db)
    const second = await forgetTransaction(db)
    const run = migrate(db, ['--free', 'idle-in-transaction:0', '--lock-timeout', '0'], tool(alter))
    expect((await run.ended).code).toBe(0)
    for (const { pid } of [first, second]) expect(run.err()).toContain(`ends pid ${pid},`)
  })

  it('frees nobody who has not idled long enough, or is at work', async () => {
    const idle = await forgetTransaction(db)
    const short = migrate(
      db,
      ['--free', 'idle-in-transaction:1h', '--lock-timeout', '2s', '--retries', '0'],
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
      ['--free', 'idle-in-transaction:0', '--lock-timeout', '2s', '--retries', '0'],
      tool(alter),
    )
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).not.toContain('ends pid')
    await db.query('SELECT pg_cancel_backend($1)', [busy.pid])
    expect(await sleep).toBe('ended')
  })
})

describe('migrate --free and what it spares', () => {
  const options = ['--free', 'idle-in-transaction:0', '--lock-timeout', '2s', '--retries', '0']

  it.each([
    ['a backup', 'pg_dump', 'a backup: ending it spoils it'],
    ['another migration', 'ci pg-lifeguard migrate 0123abcd', 'a migration run by pg-lifeguard'],
    ['an application by name', 'nightly', 'spared by --spare application=nightly'],
  ])('does not end %s, and says why', async (_what, name, reason) => {
    const idle = await openSession(db, name)
    await idle.run('BEGIN; LOCK TABLE datasets IN ACCESS SHARE MODE')
    const run = migrate(db, [...options, '--spare', 'application=nightly'], tool(alter))
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).toMatch(
      new RegExp(`does not end pid ${idle.pid}, idle in transaction for .*: ${reason}`),
    )
    expect(run.err().match(/does not end/g)).toHaveLength(1)
    expect(run.err()).not.toContain('ends pid')
    expect((await idle.run('SELECT 1')).rowCount).toBe(1)
    await idle.client.end()
  })

  it('ends an idle session beside a backup, and waits for the backup', async () => {
    const dump = await openSession(db, 'pg_dump')
    await dump.run('BEGIN; LOCK TABLE datasets IN ACCESS SHARE MODE')
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--free', 'idle-in-transaction:0', '--lock-timeout', '0'], tool(alter))
    await run.printed(`ends pid ${idle.pid}`)
    await run.printed(`does not end pid ${dump.pid}`)
    await dump.run('COMMIT')
    expect((await run.ended).code).toBe(0)
  })
})

describe('migrate --protect-readers', () => {
  it('steps back when too many wait behind it', async () => {
    const idle = await forgetTransaction(db)
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
    await run.printed(/1 session waits behind pid \d+ of the command, which runs no statement/)
    execFileSync('pkill', ['-USR2', '-P', String(run.pid)])
    expect((await run.ended).code).toBe(0)
    expect(await outcome).toBeUndefined()
  })
})

describe('a lock timeout that the server does not keep', () => {
  it('cancels itself what waits too long where the server does not', async () => {
    const idle = await forgetTransaction(db)
    const command = tool('SET lock_timeout = 0', alter)
    const run = migrate(db, ['--lock-timeout', '2s', '--retries', '0'], command)
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).toMatch(
      /cancels the statement of pid \d+, which has waited longer than the lock timeout: ended/,
    )
    expect(run.err()).toContain('tool: canceling statement due to user request')
    await idle.run('COMMIT')
  })
})
