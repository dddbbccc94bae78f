import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/core/time/clock.ts'
import { lifeguardHandler } from '../../src/http/node.ts'
import type { Lifeguard } from '../../src/index.ts'
import { pgLifeguard } from '../cli/command-line.ts'
import { spawnLifeguard } from '../cli/spawned.ts'
import { type NamedSession, openSession } from '../postgres/sessions.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'
import { forgetTransaction, withoutWhatDiffers } from './incident.ts'
import { shown } from './page.ts'

const db = useDatabase()

beforeEach(async () => {
  await db.query('DROP TABLE IF EXISTS datasets')
  await db.query('CREATE TABLE datasets (id int, name text)')
})

describe('docs/server.md', () => {
  it('shows what check prints about a guarded application', async () => {
    const [sample = ''] = shown('docs/server.md', 'check')
    const [command, ...printed] = sample.split('\n')
    const { pool, lifeguard } = guardedPool({ ...db.config, application_name: 'api' }, { clock: systemClock })
    await lifeguard.openScope({ kind: 'request', name: 'GET /datasets/:id' }).run(async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      await client.query('SELECT id, name FROM datasets WHERE id = 42')
    })
    await migrationsAndReader()

    expect(command).toBe('$ pg-lifeguard check --database shop --app http://127.0.0.1:3000/lifeguard')
    const options = ['--app', await served(lifeguard), '--min-idle', '0']
    const { out } = await pgLifeguard(['check', '--database', db.name, ...options], { url: db.url })
    // The page ends in the middle of the safety nets.
    const end = printed.indexOf('  ...')
    expect(scrubbed(out).split('\n').slice(0, end)).toEqual(
      scrubbed(printed.slice(0, end).join('\n')).split('\n'),
    )
  })

  it('shows what terminate asks and prints', async () => {
    const [sample = ''] = shown('docs/server.md', 'terminate')
    await forgetTransaction(db)
    const reader = await migrationsAndReader()
    const questions: string[] = []
    const { out } = await pgLifeguard(['terminate', '--blocking', String(reader.pid)], {
      url: db.url,
      answer: true,
      onQuestion: async (question) => void questions.push(question),
    })
    const [command, ...printed] = sample.split('\n')
    expect(command).toMatch(/^\$ pg-lifeguard terminate --blocking \d+$/)
    const question = printed.find((line) => line.endsWith(' [y/N] y')) ?? ''
    expect(questions).toEqual([question.replace(' [y/N] y', '')])
    expect(scrubbed(out)).toBe(scrubbed(printed.filter((line) => line !== question).join('\n')))
  })
})

describe('docs/watch.md', () => {
  it('shows what is printed about a session that idles, blocks and ends', async () => {
    const args = ['watch', '--database', db.name, '--interval', '100ms', '--heartbeat', '500ms']
    const watch = spawnLifeguard([...args, '--min-idle', '0', '--min-wait', '0'], {
      env: { DATABASE_URL: db.url },
    })
    await watch.printed('watching')
    const idle = await openSession(db, 'api')
    await idle.run('BEGIN')
    await idle.run('SELECT id, name FROM datasets WHERE id = 42')
    await watch.printed('appeared')
    const migration = await openSession(db, 'alembic')
    await migration.waitsFor('ALTER TABLE datasets ADD COLUMN signature text')
    await watch.printed('escalated')
    await idle.run('COMMIT')
    await watch.printed(/cleared[\s\S]*heartbeat/)
    watch.process.kill('SIGTERM')
    await watch.ended

    const lines = scrubbed(watch.out().replaceAll(/^\S+Z/gm, '<utc>')).trimEnd().split('\n')
    const last = lines.findLastIndex((line) => line.includes('heartbeat'))
    const printed = lines.filter((line, index) => index === last || !line.includes('heartbeat'))
    const [sample = ''] = shown('docs/watch.md', 'watch')
    expect(printed.join('\n')).toBe(scrubbed(sample.replaceAll(/^\S+Z/gm, '<utc>')))
  })
})

it.each([
  ['docs/server.md', 'connecting'],
  ['docs/migration-timeouts.md', 'timeouts'],
  ['docs/migration-timeouts.md', 'permissions'],
])('the SQL of %s#%s is right', async (page, anchor) => {
  const [sql = ''] = shown(page, anchor, 'sql')
  const role = `checker_${db.name}`
  const own = sql.replaceAll('checker', role).replaceAll('shop', db.name)
  const session = await openSession(db, 'administrator')
  await session.run('BEGIN')
  if (!own.includes('CREATE ROLE')) await session.run(`CREATE ROLE ${role}`)
  await session.run(own)
  await session.run('ROLLBACK')
})

/** Three migrations behind a forgotten transaction, and a reader behind these. */
async function migrationsAndReader(): Promise<NamedSession> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const migration = await openSession(db, 'alembic')
    await migration.waitsFor('ALTER TABLE datasets ADD COLUMN signature text')
  }
  const reader = await openSession(db, 'api')
  await reader.waitsFor('SELECT count(*) FROM datasets')
  return reader
}

/** The URL of a lifeguard's handler. */
async function served(lifeguard: Lifeguard): Promise<string> {
  const server = createServer(lifeguardHandler(lifeguard)).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/lifeguard`
}

function scrubbed(text: string): string {
  return withoutWhatDiffers(text, db.name)
    .replaceAll(/(?<=opened at )[^\s:]+:\d+/g, '<file>:<line>')
    .replaceAll(/(?<=<file>:<line>):\d+/g, ':<column>')
    .replace('application lifeguard tests', 'application psql')
    .replaceAll(/ at \d+\.\d+\.\d+\.\d+:\d+/g, ' at <server>')
}
