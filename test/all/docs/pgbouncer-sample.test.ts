import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { pgLifeguard } from '../../cli/command-line.ts'
import { withoutWhatDiffers } from '../../docs/incident.ts'
import { shown } from '../../docs/page.ts'
import { openSession } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'
import { noPgBouncer, startPgBouncer } from '../../support/pgbouncer.ts'

const db = useDatabase()

it.skipIf(noPgBouncer !== undefined)('docs/server.md shows a session behind a pooler', async () => {
  const pooler = await startPgBouncer(db.url, 'transaction')
  onTestFinished(() => pooler.stop())
  const client = new pg.Client({ connectionString: pooler.url(db.url), application_name: 'shop' })
  await client.connect()
  onTestFinished(() => client.end())
  await client.query('BEGIN')
  await client.query('SELECT * FROM accounts')
  const migration = await openSession(db, 'migration')
  await migration.waitsFor('ALTER TABLE accounts ADD COLUMN through int')
  const options = ['--min-idle', '0', '--pgbouncer', pooler.adminUrl]
  const { out } = await pgLifeguard(['check', '--database', db.name, ...options], { url: db.url })
  await client.query('ROLLBACK')

  const [sample = ''] = shown('docs/server.md', 'through-pgbouncer')
  const scrubbed = (text: string) => withoutWhatDiffers(text, db.name)
  expect(scrubbed(out)).toContain(scrubbed(sample))
})
