import { hostname } from 'node:os'
import pg from 'pg'
import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { createLifeguard, loggerReporter, manualClock } from '../../src/index.ts'
import { pgLifeguard } from '../cli/command-line.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'
import { shown } from './page.ts'

const db = useDatabase()
const page = 'docs/observability.md'

it('shows what pino logs of a finding', async () => {
  const lines: string[] = []
  const logger = pino({}, { write: (line: string) => void lines.push(line) })
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [loggerReporter(logger)] })
  const pool = new pg.Pool(db.config)
  lifeguard.watch(pool, { name: 'main' })
  onTestFinished(async () => {
    await lifeguard.close()
    await pool.end()
  })
  const client = await pool.connect()
  await client.query('BEGIN')
  clock.advance(11_000)
  client.release(true)

  const [sample = ''] = shown(page, 'logs')
  const line = lines.find((one) => one.includes('idle-transaction')) ?? '{}'
  // Left out are the parts of an object, the text of the hint, and the fields that follow.
  const told = JSON.parse(sample.replace(',...}', '}').replaceAll('{...}', '{}'))
  const logged = JSON.parse(line)
  expect(Object.keys(told)).toEqual(Object.keys(logged))
  expect(told.level).toBe(logged.level)
  expect(told.finding).toMatchObject({ kind: 'idle-transaction', pool: 'main', hint: '...' })
  expect(Object.keys(logged.finding)).toEqual(expect.arrayContaining(Object.keys(told.finding)))
  const { id, kind, certainty, occurrences } = logged.finding
  expect(told.finding).toMatchObject({ id, kind, certainty, occurrences })
  expect(logged.msg.replace(/ at .*/, '')).toBe(told.msg.replace(/ at .*/, ''))
  expect(logged.msg).toMatch(/ at \S+:\d+:\d+: \S/)
})

it('shows what tags look like to the server, and in check', async () => {
  const { pool, lifeguard } = guardedPool(db.config, { tag: { application: 'orders' } })
  await lifeguard.openScope({ kind: 'request', name: 'GET /datasets/:id' }).run(async () => {
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('SELECT * FROM accounts')
  })
  const [sent = '', seen] = shown(page, 'tags')
  const { rows } = await db.query<{ query: string; application_name: string }>(
    "SELECT query, application_name FROM pg_stat_activity WHERE query LIKE 'SELECT * FROM accounts /*%'",
  )
  const [session] = rows
  expect(lined(`${session?.query}\n${session?.application_name}`)).toBe(
    lined(sent.replace('datasets /*', 'accounts /*')),
  )
  const { out } = await pgLifeguard(['check', '--database', db.name, '--min-idle', '0'], { url: db.url })
  const line = out.split('\n').find((one) => one.includes('opened at')) ?? ''
  expect(lined(line.trim())).toBe(lined(seen ?? ''))
})

/** Without what differs from run to run. */
function lined(text: string): string {
  return text
    .replaceAll(/(?<=origin='|opened at )[^':\s]+?(?=%3A\d|:\d)/g, '<file>')
    .replaceAll(/(?<=%3A|:)\d+/g, 'N')
    .replace(/pid \d+ on [\w.-]+/, 'pid N on <host>')
    .replace(hostname(), '<host>')
}
