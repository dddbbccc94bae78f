import { describe, expect, it } from 'vitest'
import { freedPids, plan, type Selection } from '../../../src/cli/terminate/plan.ts'
import { connectControl } from '../../../src/postgres/index.ts'
import { buildIncident, openSession } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'
import { exitCode, pgLifeguard, type Setting } from '../command-line.ts'

const db = useDatabase()

async function planned(selection: Selection) {
  await using control = await connectControl({ url: db.url, env: {} })
  return await plan(control, selection, db.name)
}

const terminate = (args: readonly (string | number)[], setting: Setting = {}) =>
  pgLifeguard(['terminate', '--database', db.name, ...args.map(String)], { url: db.url, ...setting })

async function idling(name: string) {
  const session = await openSession(db, name)
  await session.run('BEGIN; SELECT FROM accounts')
  return session
}

describe('what is chosen', () => {
  it('are those that idle for so long, in the database that is named', async () => {
    const idle = await idling('web')
    expect((await planned({ idleInTransaction: 0 })).targets.map(({ pid }) => pid)).toEqual([idle.pid])
    expect((await planned({ idleInTransaction: 3_600_000 })).targets).toEqual([])
  })

  it('are the roots of a session that waits, and who is freed by it', async () => {
    const { idle, alters, reader } = await buildIncident(db)
    const { targets, tree } = await planned({ blocking: reader.pid })
    expect(targets.map(({ pid }) => pid)).toEqual([idle.pid])
    const target = targets[0] ?? { pid: 0, hidden: false }
    expect(freedPids(tree, target).toSorted()).toEqual(
      [...alters.map(({ pid }) => pid), reader.pid].toSorted(),
    )
  })
})

describe('a backup', () => {
  it('is spared by --idle-in-transaction, with its reason, and the rest is ended', async () => {
    const [dump, web] = [await idling('pg_dump'), await idling('web')]
    const { code, out } = await terminate(['--idle-in-transaction', '0', '--yes'])
    expect(out).toContain(
      `pid ${dump.pid}  spared: a backup: ending it spoils it. Only --pid can end it, with a separate confirmation`,
    )
    expect(out).toContain(`pid ${web.pid}  ended`)
    expect(code).toBe(exitCode.clean)
    expect((await dump.run('SELECT 1')).rowCount).toBe(1)
    const alone = await terminate(['--idle-in-transaction', '0', '--yes', '--json'])
    expect(JSON.parse(alone.out)).toMatchObject({
      targets: [],
      spared: [{ pid: dump.pid, spared: 'a backup: ending it spoils it' }],
      results: [],
    })
    expect(alone.code).toBe(exitCode.clean)
  })

  it('is spared by --blocking, which is not done then', async () => {
    const dump = await idling('pg_dump')
    const waiter = await openSession(db, 'migration')
    await waiter.waitsFor('ALTER TABLE accounts ADD COLUMN c int')
    const { code, out } = await terminate(['--blocking', waiter.pid, '--yes'])
    expect(out).toContain(`pid ${dump.pid}  spared: a backup`)
    expect(code).toBe(exitCode.found)
    expect((await dump.run('SELECT 1')).rowCount).toBe(1)
  })

  it('is ended by --pid after a separate confirmation, which --yes does not give', async () => {
    const dump = await idling('pg_dump')
    const unasked = await terminate(['--pid', dump.pid, '--yes'])
    expect(unasked.code).toBe(exitCode.usage)
    expect(unasked.err).toContain(
      `pid ${dump.pid} is a backup: ending it spoils it. Ending it must be confirmed at a terminal; --yes is not enough.`,
    )
    const questions: string[] = []
    const onQuestion = async (question: string) => void questions.push(question)
    const no = await terminate(['--pid', dump.pid, '--yes'], { answer: false, onQuestion })
    expect(no).toMatchObject({ code: exitCode.found, err: 'Nothing was done.' })
    expect((await dump.run('SELECT 1')).rowCount).toBe(1)
    const yes = await terminate(['--pid', dump.pid], { answer: true, onQuestion })
    expect(yes.out).toContain(`pid ${dump.pid}  ended`)
    expect(questions).toEqual(
      Array(2).fill(`pid ${dump.pid} is a backup: ending it spoils it. End it anyway?`),
    )
  })
})

describe('other sessions that are spared', () => {
  it('are other runs of pg-lifeguard migrate', async () => {
    const sister = await idling('pg-lifeguard migrate 0123abcd')
    const { spared } = await planned({ idleInTransaction: 0 })
    expect(spared.map(({ session, reason }) => [session.pid, reason])).toEqual([
      [sister.pid, 'a migration run by pg-lifeguard'],
    ])
  })

  it('are those that --spare names, as often as it is given, also for --pid', async () => {
    const [one, two] = [await idling('report'), await idling('import')]
    const spare = ['--spare', 'application=report', '--spare', 'application=import']
    const all = await terminate(['--idle-in-transaction', '0', '--yes', ...spare])
    expect(all.out).toContain(`pid ${one.pid}  spared by --spare application=report`)
    expect(all.out).toContain(`pid ${two.pid}  spared by --spare application=import`)
    expect(all.code).toBe(exitCode.clean)
    const named = await terminate(['--pid', two.pid, '--yes', ...spare])
    expect(named.code).toBe(exitCode.found)
    expect((await two.run('SELECT 1')).rowCount).toBe(1)
    expect((await terminate(['--pid', two.pid, '--yes', '--spare', 'import'])).err).toContain(
      'It must look like application=nightly-report.',
    )
  })
})
