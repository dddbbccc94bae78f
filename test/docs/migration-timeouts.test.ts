import { beforeEach, describe, expect, it } from 'vitest'
import { electionName } from '../../src/cli/watch/watch-loop.ts'
import { electionKey } from '../../src/postgres/election.ts'
import { pgLifeguard } from '../cli/command-line.ts'
import { openSession } from '../postgres/sessions.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { forgetTransaction, withoutWhatDiffers } from './incident.ts'
import { readPage, shown } from './page.ts'

const db = useDatabase()
const page = 'docs/migration-timeouts.md'

beforeEach(async () => {
  await db.query('DROP TABLE IF EXISTS datasets')
  await db.query('CREATE TABLE datasets (id int, name text)')
})

describe('docs/migration-timeouts.md', () => {
  it('shows what check and terminate print in such an incident', async () => {
    await forgetTransaction(db)
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const migration = await openSession(db, 'alembic')
      await migration.waitsFor('ALTER TABLE datasets ADD COLUMN signature text')
    }
    const reader = await openSession(db, 'api')
    await reader.waitsFor('SELECT count(*) FROM datasets')

    const check = await run('check', '--database', db.name, '--min-idle', '0')
    expect(withoutNets(check)).toBe(scrubbed(shown(page, 'see')[0] ?? ''))
    const terminate = await run('terminate', '--blocking', String(reader.pid))
    const [ended, clean] = shown(page, 'fix')
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
    for (const statement of shown(page, 'timeouts', 'sql')[0]?.split('\n') ?? [])
      expect(printed).toContain(statement)
  })
})

it('docs/watch.md names the lock by which watchers agree', () => {
  expect(readPage('docs/watch.md').text).toContain(`\`${electionKey(electionName)}\``)
})

async function run(...args: string[]): Promise<string> {
  const { out, err } = await pgLifeguard(args, { url: db.url, answer: true })
  expect(err).toBe('')
  return scrubbed(out)
}

/** Where the test's own session looks on, it is somebody with psql on the page. */
const scrubbed = (text: string) =>
  withoutWhatDiffers(text, db.name).replace('application lifeguard tests', 'application psql')
const withoutNets = (text: string) => text.split('\n\nSafety nets')[0]
