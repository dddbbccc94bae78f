import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { electionName } from '../../src/cli/watch/watch-loop.ts'
import { electionKey } from '../../src/postgres/election.ts'
import { pgLifeguard } from '../cli/command-line.ts'
import { isInstalled } from '../cli/migrate/installed-tools.ts'
import { migrate } from '../cli/migrate/migrations.ts'
import { openSession } from '../postgres/sessions.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { readPage } from './page.ts'

const db = useDatabase()
const page = readPage('docs/migration-timeouts.md')
const shown = (anchor: string) =>
  page.blocks.filter((block) => block.anchor === anchor && block.language === 'text').map(({ code }) => code)

beforeEach(async () => {
  await db.query('DROP TABLE IF EXISTS datasets')
  await db.query('CREATE TABLE datasets (id int, name text)')
})

describe('docs/migration-timeouts.md', () => {
  it('shows what check and terminate print in such an incident', async () => {
    await forgetTransaction()
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const migration = await openSession(db, 'alembic')
      await migration.waitsFor('ALTER TABLE datasets ADD COLUMN signature text')
    }
    const reader = await openSession(db, 'api')
    await reader.waitsFor('SELECT count(*) FROM datasets')

    const check = await run('check', '--database', db.name, '--min-idle', '0')
    expect(withoutNets(check)).toBe(scrubbed(shown('see')[0] ?? ''))
    const terminate = await run('terminate', '--blocking', String(reader.pid))
    const [ended, clean] = shown('fix')
    expect(terminate).toBe(scrubbed(ended ?? ''))
    await eventually(async () => {
      const waiting = (await db.sessions()).filter((session) => session.wait_event_type === 'Lock')
      expect(waiting).toEqual([])
    })
    const after = await run('check', '--database', db.name)
    expect(withoutNets(after)).toBe(scrubbed(clean ?? ''))
  })

  it('names safety nets as check does', async () => {
    const { out } = await pgLifeguard(['check', '--database', db.name], { url: db.url })
    const printed = out.replaceAll(db.name, 'shop')
    for (const statement of shown('timeouts')[0]?.split('\n') ?? []) expect(printed).toContain(statement)
  })

  it.runIf(isInstalled('alembic'))('shows what migrate prints beside alembic', async () => {
    await forgetTransaction()
    const free = ['--free', 'idle-in-transaction:0']
    const command = migrate(db, free, ['alembic', 'upgrade', 'head'], {
      cwd: join(import.meta.dirname, '../cli/migrate/tools/alembic'),
      env: { PYTHONDONTWRITEBYTECODE: '1' },
    })
    expect(await command.ended, command.err()).toMatchObject({ code: 0 })
    expect(scrubbed(command.err().trimEnd())).toBe(scrubbed(shown('get-the-migration-through')[0] ?? ''))
  })
})

it('docs/watch.md names the lock by which watchers agree', () => {
  expect(readPage('docs/watch.md').text).toContain(`\`${electionKey(electionName)}\``)
})

async function forgetTransaction(): Promise<void> {
  const idle = await openSession(db, 'api')
  await idle.run('BEGIN')
  await idle.run('SELECT id, name FROM datasets WHERE id = 42')
}

async function run(...args: string[]): Promise<string> {
  const { out, err } = await pgLifeguard(args, { url: db.url, answer: true })
  expect(err).toBe('')
  return scrubbed(out)
}

const withoutNets = (text: string) => text.split('\n\nSafety nets')[0]

/** Without what differs from incident to incident. */
function scrubbed(text: string): string {
  const pids = [...new Set([...text.matchAll(/pid (\d+)/g)].map(([, pid = '']) => pid))]
  const numbered = pids.reduce(
    (changed, pid, at) => changed.replaceAll(new RegExp(`\\b${pid}\\b`, 'g'), `<${at + 1}>`),
    text,
  )
  return numbered
    .replaceAll(db.name, 'shop')
    .replaceAll(/\d+\.\d+\.\d+\.\d+:\d+/g, '<client>')
    .replaceAll(/PostgreSQL [\d.]+/g, 'PostgreSQL <version>')
    .replaceAll(/\b(as|user) \w+/g, '$1 <role>')
    .replaceAll(/\b\d+(\.\d+)? (ms|s|min|h)\b( \d+ (s|min)\b)?/g, '<time>')
}
