import pg from 'pg'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { exitCode } from '../../../cli/command-line.ts'
import { columnsOf, forgetTransaction, migrate, tool } from '../../../cli/migrate/migrations.ts'
import { openSession } from '../../../postgres/sessions.ts'
import { useDatabase } from '../../../support/database.ts'
import { noPgBouncer, startPgBouncer } from '../../../support/pgbouncer.ts'

const db = useDatabase()

if (noPgBouncer !== undefined) console.warn(`skipped: migrate through PgBouncer: ${noPgBouncer}`)

const alter = 'ALTER TABLE datasets ADD COLUMN name text'

beforeEach(async () => {
  await db.query('DROP TABLE IF EXISTS datasets')
  await db.query('CREATE TABLE datasets (id int)')
})

/** The environment in which everything goes through the pooler, and the option that names its console. */
async function pooled(mode: 'session' | 'transaction') {
  const pooler = await startPgBouncer(db.url, mode)
  onTestFinished(() => pooler.stop())
  return { env: { PGPORT: String(pooler.port) }, console: ['--pgbouncer', pooler.adminUrl], pooler }
}

describe.skipIf(noPgBouncer !== undefined)('migrate through a PgBouncer that refuses options', () => {
  it.each(['session', 'transaction'] as const)('goes without, and says so, in %s mode', async (mode) => {
    const { env } = await pooled(mode)
    const run = migrate(db, [], tool(alter), { env })
    expect(await run.ended, run.err()).toMatchObject({ code: 0 })
    expect(run.err()).toMatch(
      /runs without PGOPTIONS: the pooler refuses it: .*unsupported startup parameter/,
    )
    expect(run.err()).toContain('ALTER ROLE ... SET lock_timeout')
    expect(await columnsOf(db, 'datasets')).toContain('name')
  })

  it.each(['session', 'transaction'] as const)(
    'names who blocks it, and leaves alone what may be of somebody else, in %s mode',
    async (mode) => {
      const { env } = await pooled(mode)
      const idle = await forgetTransaction(db)
      const options = ['--lock-timeout', '100ms', '--free', 'idle-in-transaction:0', '--protect-readers', '0']
      const run = migrate(db, options, tool(alter), { env })
      await run.printed('unverified: the command connects through a pooler')
      expect(run.err()).toContain(`  pid ${idle.pid}  idle in transaction for`)
      const reader = await openSession(db, 'reader')
      await reader.waitsFor('SELECT FROM datasets')
      await idle.run('COMMIT')
      expect(await run.ended, run.err()).toMatchObject({ code: 0 })
      expect(run.err()).not.toMatch(/cancels|ends pid/)
    },
  )

  it.each(['session', 'transaction'] as const)(
    'keeps the lock timeout itself where the pooler tells whose a session is, in %s mode',
    async (mode) => {
      const { env, console } = await pooled(mode)
      const idle = await forgetTransaction(db)
      const options = ['--lock-timeout', '300ms', '--retries', '0', ...console]
      const run = migrate(db, options, tool(alter), { env })
      expect(await run.ended, run.err()).toMatchObject({ code: exitCode.locks })
      expect(run.err()).toContain(`  pid ${idle.pid}  idle in transaction for`)
      expect(run.err()).toMatch(
        /cancels the statement of pid \d+, which has waited longer than the lock timeout: ended/,
      )
      expect(run.err()).toContain('tool: canceling statement due to user request')
      await idle.run('COMMIT')
      expect(await columnsOf(db, 'datasets')).not.toContain('name')
    },
  )

  it('looks at the server itself, and hands no options on, when it is told so', async () => {
    const { env, console } = await pooled('transaction')
    const idle = await forgetTransaction(db)
    const url = ['--url', db.url]
    const refused = migrate(db, url, tool(alter), { env })
    expect((await refused.ended).code).toBe(1)
    expect(refused.err()).toMatch(/tool: .*unsupported startup parameter/)
    expect(refused.err()).toContain('a pooler refuses PGOPTIONS: --no-pgoptions')

    const options = [...url, ...console, '--no-pgoptions', '--free', 'idle-in-transaction:0']
    const run = migrate(db, options, tool(alter), { env })
    expect(await run.ended, run.err()).toMatchObject({ code: 0 })
    expect(run.err()).toContain('runs without PGOPTIONS: --no-pgoptions')
    expect(run.err()).toContain(`ends pid ${idle.pid}`)
  })

  it('hands no options on where --pgbouncer names the pooler, though it looks at the server itself', async () => {
    const { env, console } = await pooled('transaction')
    const run = migrate(db, ['--url', db.url, ...console], tool(alter), { env })
    expect(await run.ended, run.err()).toMatchObject({ code: 0 })
    expect(run.err()).toContain('runs without PGOPTIONS: PgBouncer (--pgbouncer) refuses or ignores it')
    expect(await columnsOf(db, 'datasets')).toContain('name')
  })

  it('leaves alone the session that the pooler has lent to somebody else, name and all', async () => {
    const { env, pooler } = await pooled('transaction')
    const options = ['--no-pgoptions', '--url', db.url, '--protect-readers', '0', '--lock-timeout', '100ms']
    const run = migrate(db, options, ['sh', '-c', '"$0" "$@"; exec sleep 600', ...tool('SELECT 1')], { env })
    await run.printed('done')
    // The next client has no name of its own, and gets that session.
    const web = new pg.Client({ connectionString: pooler.url(db.url) })
    web.on('error', () => {})
    await web.connect()
    onTestFinished(() => web.end().catch(() => {}))
    const { rows } = await web.query("SELECT current_setting('application_name') AS name")
    expect(rows[0]?.name).toMatch(/^pg-lifeguard migrate/)

    const idle = await forgetTransaction(db)
    const outcome = web.query(alter).then(
      () => 'done',
      (error: Error) => error.message,
    )
    await run.printed('unverified: the command connects through a pooler')
    const reader = await openSession(db, 'reader')
    await reader.waitsFor('SELECT FROM datasets')
    run.process.kill('SIGTERM')
    expect((await run.ended).code).toBe(143)
    expect(run.err()).toMatch(/the command has ended, and pid \d+ is still there, active for/)
    expect(run.err()).not.toContain('cancels')
    await idle.run('COMMIT')
    expect(await outcome).toBe('done')
  })
})
