import { expect, it } from 'vitest'
import { openSession } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { noPgBouncer, startPgBouncer } from '../../support/pgbouncer.ts'
import { exitCode, pgLifeguard, settled } from '../command-line.ts'
import { spawnLifeguard } from '../spawned.ts'

const db = useDatabase()

it.each(['SIGINT', 'SIGTERM'] as const)('ends cleanly on %s, and leaves no session', async (signal) => {
  const watch = spawnLifeguard(['watch', '--interval', '100ms'], { env: { DATABASE_URL: db.url } })
  await watch.printed('watching  database')
  watch.process.kill(signal)
  expect(await watch.ended).toEqual({ code: exitCode.clean, signal: null })
  expect(watch.err()).toBe('')
  // A look that was under way is still answered.
  await eventually(async () =>
    expect((await db.sessions()).filter((one) => one.application_name === 'pg-lifeguard')).toEqual([]),
  )
})

it('prints what happens, for people', async () => {
  const idle = await openSession(db, 'web')
  await idle.run('BEGIN')
  await idle.run("SELECT note FROM items WHERE note = 'secret'")
  const args = ['watch', '--database', db.name, '--interval', '100ms', '--min-idle', '0', '--min-wait', '0']
  const watch = spawnLifeguard(args, { env: { DATABASE_URL: db.url } })
  await watch.printed('appeared')
  const waiting = await openSession(db, 'migration')
  await waiting.waitsFor('ALTER TABLE items ADD COLUMN IF NOT EXISTS extra int')
  await watch.printed('escalated')
  await idle.run('COMMIT')
  await watch.printed('cleared')
  watch.process.kill('SIGTERM')
  await watch.ended
  const names = { '<database>': db.name, '<idle>': idle.pid }
  const text = watch
    .out()
    .trimEnd()
    .replace(/^\S+Z/gm, '<utc>')
    .replace(/\d+(\.\d+)? m?s\b/g, '<time>')
  expect(settled(text, names)).toMatchInlineSnapshot(`
    "<utc> watching  database <database> at 127.0.0.1:<port> as postgres, every <time>
    <utc> appeared  pid <idle> idle in transaction for <time>
      application web, user postgres, database <database>, client 127.0.0.1:<port>
      last query: SELECT note FROM items WHERE note = ?
    <utc> escalated  pid <idle> idle in transaction for <time>: blocks 1 session, the first for <time>
    <utc> cleared  pid <idle> no longer blocks, after <time>"
  `)
})

it('prints a line of JSON for each event', async () => {
  const idle = await openSession(db, 'web')
  await idle.run('BEGIN')
  const args = ['watch', '--database', db.name, '--interval', '100ms', '--min-idle', '0', '--json']
  const watch = spawnLifeguard(args, { env: { DATABASE_URL: db.url } })
  await watch.printed('appeared')
  watch.process.kill('SIGINT')
  await watch.ended
  const [started, appeared] = watch
    .out()
    .split('\n')
    .slice(0, 2)
    .map((line) => JSON.parse(line))
  expect(started).toEqual({
    time: expect.any(String),
    event: 'started',
    target: expect.stringContaining(db.name),
    intervalMillis: 100,
  })
  expect(appeared).toMatchObject({
    event: 'appeared',
    concern: { kind: 'idle-in-transaction', session: { pid: idle.pid, application: 'web' } },
  })
})

it('explains itself, and refuses what makes no sense', async () => {
  const { out } = await pgLifeguard(['watch', '--help'], { columns: 100 })
  for (const part of ['--terminate-idle <duration>', 'escalated', '0  ended by Ctrl-C'])
    expect(out).toContain(part)
  const { code, err } = await pgLifeguard(['watch', '--interval', '1ms'], { url: db.url })
  expect({ code, err }).toEqual({
    code: exitCode.usage,
    err: 'pg-lifeguard: --interval must be 100ms or longer.',
  })
  expect((await pgLifeguard(['watch'], { url: 'postgres://app@127.0.0.1:1/shop' })).code).toBe(
    exitCode.noConnection,
  )
})

it.skipIf(noPgBouncer !== undefined)(
  'does not end anybody through a pooler: nobody could be elected',
  async () => {
    await using pooler = await startPgBouncer(db.url, 'transaction')
    const url = pooler.url(db.url)
    const { code, err } = await pgLifeguard(['watch', '--terminate-idle', '10m'], { url })
    expect(code).toBe(exitCode.usage)
    expect(err).toContain('through a pooler, watchers cannot elect the one that ends sessions')
  },
)
