import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../../support/eventually.ts'
import {
  alter,
  columnsOf,
  expectNothingLeft,
  forgetTransaction,
  migrate,
  tool,
  useDatasets,
  waiter,
} from '../migrations.ts'

const db = useDatasets()

describe('the end of migrate', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('passes %s on, and leaves no statement behind', async (signal, code) => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--lock-timeout', '0'], tool(alter))
    await run.printed('behind')
    run.process.kill(signal)
    expect((await run.ended).code).toBe(code)
    await expectNothingLeft(db)
    expect(run.err()).not.toContain('tries again')
    await idle.run('COMMIT')
    expect(await columnsOf(db, 'datasets')).not.toContain('name')
  })

  it('cancels what a command left running that was gone before it could be seen', async () => {
    const idle = await forgetTransaction(db)
    const script = `
      import pg from 'pg'
      const client = new pg.Client()
      await client.connect()
      client.query('${alter}')
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50)`
    const run = migrate(db, ['--lock-timeout', '0'], [process.execPath, '--input-type=module', '-e', script])
    expect((await run.ended).code).toBe(137)
    expect(run.err()).not.toContain('unverified')
    await expectNothingLeft(db)
    await idle.run('COMMIT')
    expect(await columnsOf(db, 'datasets')).not.toContain('name')
  })

  it('cancels also what a process left running that the command had started', async () => {
    const idle = await forgetTransaction(db)
    const run = migrate(db, ['--lock-timeout', '0'], ['sh', '-c', '"$0" "$@" & wait', ...tool(alter)])
    await run.printed('behind')
    run.process.kill('SIGTERM')
    await run.printed('tool: canceling statement due to user request')
    expect(await run.ended).toEqual({ code: 143, signal: null })
    await idle.run('COMMIT')
    expect(await columnsOf(db, 'datasets')).not.toContain('name')
  })

  it('cancels the statement of a command that was killed: it is not applied later', async () => {
    const idle = await forgetTransaction(db)
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
})
