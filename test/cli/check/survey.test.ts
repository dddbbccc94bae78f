import { describe, expect, it, onTestFinished } from 'vitest'
import { survey } from '../../../src/cli/check/survey.ts'
import type { SurveyedReport } from '../../../src/cli/check/text.ts'
import { tryElection } from '../../../src/postgres/election.ts'
import { type QueryClient, serverSnapshot } from '../../../src/postgres/index.ts'
import { openSession } from '../../postgres/sessions.ts'
import { createDatabase, useDatabase } from '../../support/database.ts'
import { exitCode, pgLifeguard } from '../command-line.ts'

const db = useDatabase()

const check = (...args: readonly string[]) => pgLifeguard(['check', ...args], { url: db.url })
const report = async (...args: readonly string[]): Promise<SurveyedReport> =>
  JSON.parse((await check('--json', ...args)).out)

const named = () => ['--database', db.name]

describe('an advisory lock', () => {
  it('of an idle session is shown with its key and tool, though nobody waits', async () => {
    const migration = await openSession(db, 'prisma')
    await migration.run('SELECT pg_advisory_lock(72707369), pg_advisory_lock(7, -3)')
    const { code, out } = await check(...named())
    expect(out).toContain('\n\nAdvisory locks held by idle sessions\n')
    expect(out).toMatch(
      new RegExp(`pid ${migration.pid}  holds advisory locks 72707369 \\(Prisma\\); 7, -3, idle for `),
    )
    expect(out).toContain(`if it is no longer used: pg-lifeguard terminate --pid ${migration.pid}`)
    expect(code).toBe(exitCode.clean)
    expect((await report(...named())).advisoryLocks).toMatchObject([
      { session: { pid: migration.pid }, locks: [{ key: '72707369', tool: 'Prisma' }, { key: '7, -3' }] },
    ])
  })

  it('is not shown again where it blocks, where a transaction has it, or where watchers elect each other', async () => {
    const [blocker, waiter, open, watcher] = [
      await openSession(db, 'blocker'),
      await openSession(db, 'waiter'),
      await openSession(db, 'open'),
      await openSession(db, 'pg-lifeguard'),
    ]
    await blocker.run('SELECT pg_advisory_lock(1)')
    await waiter.waitsFor('SELECT pg_advisory_lock(1)')
    await open.run('BEGIN; SELECT pg_advisory_lock(2)')
    expect(await tryElection(watcher.client, 'pg-lifeguard watch')).toBe(true)
    expect((await report(...named())).advisoryLocks).toEqual([])
  })
})

describe('an invalid index', () => {
  it('is shown with the statement that drops it', async () => {
    await db.query('CREATE INDEX items_broken ON items (note)')
    await db.query("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'items_broken'::regclass")
    onTestFinished(async () => void (await db.query('DROP INDEX items_broken')))
    const { code, out } = await check()
    expect(out).toContain(
      `Invalid indexes in database ${db.name}\n  public.items_broken on items: no query uses it`,
    )
    expect(out).toContain('\n    DROP INDEX CONCURRENTLY public.items_broken;\n')
    expect(code === exitCode.clean || code === exitCode.found).toBe(true)
  })
})

describe('who is connected', () => {
  it('to the database that is named is shown by application, whatever they do', async () => {
    const other = await createDatabase()
    onTestFinished(() => other.drop())
    const one = await openSession(other, 'web (pid 1 on host-1)')
    const two = await openSession(other, 'web (pid 2 on host-2)')
    await two.run('BEGIN')
    await openSession(db, 'elsewhere')
    const { out } = await check('--database', other.name)
    const section = out.split('\n\n').find((part) => part.startsWith('Connected')) ?? ''
    // The database of a test has a session of its own that runs its statements.
    expect(section).toMatch(/^Connected to database \S+: [23] sessions\n/)
    expect(section).toContain('2  application web, user postgres: 1 idle, 1 idle in transaction')
    expect(section).toContain(`pids ${one.pid}, ${two.pid}`)
    expect(section).not.toContain('elsewhere')
    expect((await check()).out).not.toContain('Connected to')
  })
})

describe('slots', () => {
  it('are shown by application once few are left', async () => {
    const other = await createDatabase()
    onTestFinished(() => other.drop())
    const here = async () => (await pgLifeguard(['check', '--json'], { url: other.url })).out
    expect((await pgLifeguard(['check'], { url: other.url })).out).not.toContain('\nSlots\n')
    await other.query(`ALTER DATABASE ${other.name} CONNECTION LIMIT 5`)
    for (const name of ['web', 'web', 'worker']) await openSession(other, name)
    const { out } = await pgLifeguard(['check'], { url: other.url })
    expect(out).toMatch(
      /\n\nSlots\n\d+ of \d+ are in use; the last 3 are reserved, mostly for superusers\. This database uses [45] of its limit of 5\n/,
    )
    expect(out).toContain(`application web, user postgres, database ${other.name}: 2 idle`)
    const { slots } = JSON.parse(await here()) as SurveyedReport
    expect(slots?.byApplication).toContainEqual(
      expect.objectContaining({ application: 'web', count: 2, states: { idle: 2 } }),
    )
  })
})

it('leaves out what a lock on a catalog hides, and nothing else', async () => {
  const locked = Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' })
  const client: QueryClient = {
    query: (text, values) => (text.includes('indisvalid') ? Promise.reject(locked) : db.query(text, values)),
  }
  const all = await serverSnapshot(client)
  const options = { queryText: 'redacted', originOf: () => undefined } as const
  const seen = await survey(client, { all, part: all }, undefined, options)
  expect(Object.keys(seen).toSorted()).toEqual(['advisoryLocks', 'slots'])
  const broken = { query: () => Promise.reject(new Error('anything else')) }
  await expect(survey(broken, { all, part: all }, undefined, options)).rejects.toThrow('anything else')
})
