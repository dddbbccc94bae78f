import { expect, it } from 'vitest'
import { formatSnapshot } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool } from '../support/guarded-pool.ts'
import { shown } from './page.ts'

const db = useDatabase()

it('docs/guide.md shows who holds what now', async () => {
  const { pool, lifeguard, clock } = guardedPool({ ...db.config, max: 2 })
  const inScope = <Result>(kind: string, name: string, work: () => Promise<Result>) =>
    lifeguard.openScope({ kind, name }).run(work)
  await inScope('request', 'GET /orders/:id', async () => {
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('SELECT 1')
  })
  clock.advance(21_000)
  await inScope('request', 'GET /report', async () => {
    const client = await pool.connect()
    // Ended with the test.
    client.query('SELECT pg_sleep(60)').catch(() => {})
  })
  clock.advance(300)
  inScope('job', 'mails', () => pool.query('SELECT 1')).catch(() => {})
  await eventually(() => expect(pool.waitingCount).toBe(1))
  clock.advance(2_100)

  const [sample = ''] = shown('docs/guide.md', 'who-holds-what-now')
  expect(comparable(formatSnapshot(lifeguard.snapshot()))).toBe(comparable(sample))
})

/** Without file names, pids, and the widths of columns, which depend on these. */
function comparable(text: string): string {
  return text
    .replaceAll(/\S+\.ts:\d+:\d+/g, '<line>')
    .replaceAll(/pid \d+/g, 'pid N')
    .replaceAll(/ {2,}/g, '  ')
    .trim()
}
