import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { exitCode } from '../../../cli/command-line.ts'
import { isInstalled } from '../../../cli/migrate/installed-tools.ts'
import { columnsOf, forgetTransaction, migrate } from '../../../cli/migrate/migrations.ts'
import { useDatabase } from '../../../support/database.ts'

const db = useDatabase()

const root = join(import.meta.dirname, '../../../..')
const bin = join(root, 'test/all/node_modules/.bin')
/** Python leaves nothing beside its sources. */
const noBytecode = { PYTHONDONTWRITEBYTECODE: '1' }
const folderOf = (tool: string) => join(import.meta.dirname, 'tools', tool)

beforeEach(async () => {
  await db.query(
    `DROP TABLE IF EXISTS datasets, signatures, alembic_version, pgmigrations, knex_migrations, knex_migrations_lock;
     DROP SCHEMA IF EXISTS drizzle CASCADE;
     CREATE TABLE datasets (id int)`,
  )
})

const hasAlembic = isInstalled('alembic')
const npmTools = [
  { tool: 'knex', command: [join(root, 'node_modules/.bin/knex'), 'migrate:latest'] },
  { tool: 'node-pg-migrate', command: [join(bin, 'node-pg-migrate'), 'up', '-m', 'migrations'] },
  { tool: 'drizzle', command: [join(bin, 'drizzle-kit'), 'migrate', '--config', 'drizzle.config.mjs'] },
]
const tools = [
  ...npmTools,
  ...(hasAlembic ? [{ tool: 'alembic', command: ['alembic', 'upgrade', 'head'] }] : []),
]

describe.each(tools)('$tool under migrate', ({ tool, command }) => {
  // Without a terminal, and without asking its maker for news.
  const setting = { cwd: folderOf(tool), env: { CI: 'true', NO_COLOR: '1', ...noBytecode } }

  it('gets through when who blocks it may be ended', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--free', 'idle-in-transaction:0'], command, setting)
    expect(await run.ended, run.out() + run.err()).toMatchObject({ code: 0 })
    expect(run.err()).toContain(`ends pid ${idle.pid}`)
    expect((await columnsOf(db, 'datasets')).length).toBeGreaterThan(1)
  })

  it('has the lock timeout of the server, is named while it waits, and is run again until it gets through', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--lock-timeout', '1s'], command, setting)
    await run.printed('tries again')
    await idle.run('COMMIT')
    expect(await run.ended, run.out() + run.err()).toMatchObject({ code: 0 })
    expect(run.err()).toMatch(/of the command waits .* for AccessExclusiveLock on public\.datasets, behind/)
    // The server did it: PGOPTIONS has arrived.
    expect(run.err()).not.toContain('cancels the statement')
    expect((await columnsOf(db, 'datasets')).length).toBeGreaterThan(1)
  })

  it('gives up in the end, and leaves the table as it was', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--lock-timeout', '1s', '--retries', '1'], command, setting)
    expect(await run.ended, run.out() + run.err()).toMatchObject({ code: exitCode.locks })
    expect(run.err()).toContain('gave up because of locks, after 2 attempts')
    await idle.run('COMMIT')
    expect(await columnsOf(db, 'datasets')).toEqual(['id'])
  })
})

describe.runIf(hasAlembic)('the steps of an incident under migrate', () => {
  const setting = { cwd: folderOf('alembic'), env: noBytecode }

  it('get through, one after the other, past a transaction that was forgotten', async () => {
    const first = await forgetTransaction(db)
    const free = ['--free', 'idle-in-transaction:0']
    const dataset = migrate(db, free, ['alembic', 'upgrade', '0c9c72e35979'], setting)
    expect(await dataset.ended, dataset.err()).toMatchObject({ code: 0 })
    expect(dataset.err()).toContain(`ends pid ${first.pid}`)
    expect(await columnsOf(db, 'datasets')).toEqual(['id', 'experiment'])

    const second = await forgetTransaction(db)
    const signature = migrate(db, free, ['alembic', 'upgrade', 'head'], setting)
    expect(await signature.ended, signature.err()).toMatchObject({ code: 0 })
    expect(signature.err()).toContain(`ends pid ${second.pid}`)
    expect(await columnsOf(db, 'datasets')).toEqual(['id', 'experiment', 'signature'])
    expect(await columnsOf(db, 'signatures')).toEqual(['id'])
  })
})
