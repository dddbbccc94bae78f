import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { exitCode } from '../../../cli/command-line.ts'
import { isInstalled, useFolder } from '../../../cli/migrate/installed-tools.ts'
import {
  columnsOf,
  expectNothingLeft,
  forgetTransaction,
  migrate,
  waiter,
} from '../../../cli/migrate/migrations.ts'
import { openSession } from '../../../postgres/sessions.ts'
import { useDatabase } from '../../../support/database.ts'

const db = useDatabase()
const folder = useFolder()

const script = `
CREATE TABLE before (id int);
ALTER TABLE datasets ADD COLUMN name text;
CREATE TABLE after (id int);
`

beforeEach(async () => {
  await db.query('DROP TABLE IF EXISTS datasets, before, after')
  await db.query('CREATE TABLE datasets (id int)')
  await writeFile(join(folder.path, 'change.sql'), script)
})

const psql = (...options: string[]) => ['psql', '-X', ...options, '-f', join(folder.path, 'change.sql')]
const strict = ['-v', 'ON_ERROR_STOP=1', '--single-transaction']

describe.runIf(isInstalled('psql'))('psql under migrate', () => {
  it('says by itself that all is well after a lock timeout: this is what is seen through', async () => {
    await forgetTransaction(db)
    const { config } = db
    const env = { ...process.env, PGPASSWORD: config.password, PGOPTIONS: '-c lock_timeout=100ms' }
    const [command = '', ...args] = psql('-h', config.host, '-p', String(config.port), '-U', config.user)
    // Throws if the exit code is not 0.
    execFileSync(command, [...args, config.database], { env, stdio: 'ignore' })
    expect(await columnsOf(db, 'datasets')).not.toContain('name')
  })

  it('is not believed when it exits with 0 after a lock timeout, and is not run again', async () => {
    await forgetTransaction(db)
    const run = migrate(db, ['--lock-timeout', '1s'], psql())
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).toContain(
      'the command ended with exit code 0, but the server refused one of its statements',
    )
    expect(run.err()).toContain('  query: ALTER TABLE datasets ADD COLUMN name text')
    expect(run.err()).not.toContain('tries again')
    // That is why: what came after the error is done, and would be done again.
    expect(await columnsOf(db, 'after')).toEqual(['id'])
    expect(await columnsOf(db, 'datasets')).not.toContain('name')
  })

  it('is not believed either when its statement was cancelled for the readers behind it', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--lock-timeout', '0', '--protect-readers', '0'], psql())
    await run.printed('behind')
    const reader = await openSession(db, 'reader')
    const { outcome } = await reader.waitsFor('SELECT FROM datasets')
    expect(await outcome).toBeUndefined()
    expect((await run.ended).code).toBe(exitCode.locks)
    expect(run.err()).toContain('the command ended with exit code 0, but')
    await idle.run('COMMIT')
  })

  it('is believed on request', async () => {
    await forgetTransaction(db)
    const run = migrate(db, ['--lock-timeout', '1s', '--trust-exit-code'], psql())
    expect((await run.ended).code).toBe(0)
  })

  it('is believed when it got its lock in the end', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, [], psql())
    await run.printed('behind')
    await idle.run('COMMIT')
    expect((await run.ended).code).toBe(0)
    expect(await columnsOf(db, 'datasets')).toContain('name')
  })

  it('is run again with ON_ERROR_STOP in one transaction, until it gets through', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--lock-timeout', '1s'], psql(...strict))
    await run.printed('tries again')
    await idle.run('COMMIT')
    expect((await run.ended).code).toBe(0)
    expect(await columnsOf(db, 'datasets')).toContain('name')
    expect(await columnsOf(db, 'after')).toEqual(['id'])
  })

  it('gets through when who blocks it may be ended', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--free', 'idle-in-transaction:0'], psql(...strict))
    expect((await run.ended).code).toBe(0)
    expect(run.err()).toContain(`ends pid ${idle.pid}`)
    expect(await columnsOf(db, 'datasets')).toContain('name')
  })

  it('has its own exit code where locks have nothing to do with it', async () => {
    await db.query('ALTER TABLE datasets ADD COLUMN name text')
    const run = migrate(db, [], psql(...strict))
    expect((await run.ended).code).toBe(3)
    expect(run.err()).not.toContain('tries again')
  })

  it('leaves nothing behind when it is killed', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--lock-timeout', '0'], psql())
    await waiter(db, 'ALTER TABLE datasets')
    await run.printed('behind')
    execFileSync('pkill', ['-KILL', '-P', String(run.pid)])
    expect((await run.ended).code).toBe(137)
    await expectNothingLeft(db)
    await idle.run('COMMIT')
    expect(await columnsOf(db, 'datasets')).not.toContain('name')
  })
})
