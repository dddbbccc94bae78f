import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard } from '../../../../src/index.ts'
import { openSession } from '../../../postgres/sessions.ts'
import { hereLine } from '../../../support/guarded-pool.ts'
import { startProxy } from '../../../support/tcp-proxy.ts'
import { exitCode } from '../../command-line.ts'
import { alter, forgetTransaction, migrate, tool, useDatasets, waiter } from '../migrations.ts'

const db = useDatasets()

describe('a command that waits for a lock', () => {
  it('names who blocks it, once, and goes on when that one has gone', async () => {
    const idle = await forgetTransaction(db)
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
    expect(text).toMatch(/pid \d+ got its lock after/)
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
    expect(run.err()).toContain(`test/cli/migrate/sessions/session-watch.test.ts:${line}`)
    expect(run.err()).toContain('nightly')
    client.release(true)
    await lifeguard.close()
    await pool.end()
  })

  it('finds the session by its socket when the command has a name of its own', async () => {
    const idle = await forgetTransaction(db)
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
    const options = ['--free', 'idle-in-transaction:0', '--lock-timeout', '2s', '--retries', '0']
    const run = migrate(db, options, command)
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).toContain('(a session of the command: it blocks itself)')
    expect(run.err()).not.toContain('ends pid')
  })

  it('goes on when it loses the connection to the server, and looks again when it is back', async () => {
    await using proxy = await startProxy(db.config.port, db.config.host)
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--url', proxy.url(db.url), '--lock-timeout', '0'], tool(alter))
    await waiter(db, alter)
    proxy.cut()
    await run.printed('lost connection to the server: ')
    await run.printed('connected to the server again')
    await run.printed('of the command waits')
    expect(run.err().match(/lost connection/g)).toHaveLength(1)
    await idle.run('COMMIT')
    expect((await run.ended).code).toBe(0)
  })

  it('is helped at once, though the application that is asked for lines of code never answers', async () => {
    const silent = createServer()
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    onTestFinished(() => {
      silent.closeAllConnections()
      silent.close()
    })
    const app = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/lifeguard`
    const idle = await forgetTransaction(db)
    // A lock timeout that is over long before any patience with the application.
    const options = [
      '--app',
      app,
      '--free',
      'idle-in-transaction:0',
      '--lock-timeout',
      '2s',
      '--retries',
      '0',
    ]
    const run = migrate(db, options, tool(alter))
    expect((await run.ended).code, run.err()).toBe(0)
    const [waits, ends] = [
      run.err().indexOf('of the command waits'),
      run.err().indexOf(`ends pid ${idle.pid}`),
    ]
    expect(waits).toBeGreaterThan(0)
    expect(ends).toBeGreaterThan(waits)
  })
})
