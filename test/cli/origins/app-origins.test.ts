import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { relative } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/core/time/clock.ts'
import { type LifeguardHandlerOptions, lifeguardHandler } from '../../../src/http/node.ts'
import type { Lifeguard } from '../../../src/index.ts'
import type { CheckReport } from '../../../src/postgres/report/server-report.ts'
import { openSession } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'
import { guardedPool, hereLine } from '../../support/guarded-pool.ts'
import { exitCode, pgLifeguard } from '../command-line.ts'

const db = useDatabase()
const here = relative(process.cwd(), import.meta.filename)

async function serve(handle: http.RequestListener): Promise<string> {
  const server = http.createServer(handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/lifeguard`
}

const mounted = (lifeguard: Lifeguard, options?: LifeguardHandlerOptions) =>
  serve(lifeguardHandler(lifeguard, options))

/** An application that says this. */
const pretend = (snapshot: unknown) =>
  serve((request, response) => {
    const isSnapshot = request.url?.endsWith('snapshot') === true
    response.end(JSON.stringify(isSnapshot ? snapshot : { service: 'pg-lifeguard' }))
  })

const answering = (status: number, body: string) => () =>
  serve((_, response) => {
    response.writeHead(status).end(body)
  })

const at = (url: string) => async (): Promise<string> => url

const check = (args: readonly string[]) =>
  pgLifeguard(['check', '--database', db.name, '--min-idle', '0', ...args], { url: db.url })

describe('check --app', () => {
  it('shows the line that opened the blocker, and the request that it was for', async () => {
    const { pool, lifeguard } = guardedPool(db.config, { clock: systemClock })
    const line = hereLine(2)
    await lifeguard.runInScope({ kind: 'request', name: 'GET /datasets/:id' }, async () => {
      const client = await pool.connect()
      await client.query('BEGIN; SELECT * FROM accounts')
    })
    const migration = await openSession(db, 'migration')
    await migration.waitsFor('ALTER TABLE accounts ADD COLUMN c int')
    const { out, code } = await check(['--app', await mounted(lifeguard)])
    expect(out).toContain(`  opened at ${here}:${line} GET /datasets/:id`)
    expect(out).not.toContain('unverified')
    expect(code).toBe(exitCode.found)
  })

  it('marks what it cannot be sure of: the server does not know all of the process ids', async () => {
    const { pool, lifeguard } = guardedPool(db.config, { clock: systemClock })
    const client = await pool.connect()
    await client.query('BEGIN')
    const snapshot = JSON.parse(JSON.stringify(lifeguard.snapshot()))
    // Another pool may well be of another server.
    snapshot.checkouts.push({ ...snapshot.checkouts[0], pid: 2 ** 30, pool: 'elsewhere' })
    const { out } = await check(['--app', await pretend(snapshot)])
    expect(out).not.toContain('unverified')
    snapshot.checkouts.push({ ...snapshot.checkouts[0], pid: 2 ** 30 })
    const app = await pretend(snapshot)
    const { idleInTransaction } = JSON.parse((await check(['--app', app, '--json'])).out) as CheckReport
    expect(idleInTransaction[0]?.origin?.unverified).toBe(
      'this server does not have 1 of the process ids of its pool main: the application may connect through a pooler',
    )
  })

  it('marks what the application and the server tell differently', async () => {
    const { pool, lifeguard } = guardedPool(db.config, { clock: systemClock })
    const client = await pool.connect()
    await client.query('BEGIN')
    const snapshot = JSON.parse(JSON.stringify(lifeguard.snapshot()))
    Object.assign(snapshot.checkouts[0], { transaction: 'idle' })
    const app = await pretend(snapshot)
    const { out } = await check(['--app', app])
    expect(out).toContain(
      'unverified: the application reports the transaction as idle, the server reports idle in transaction',
    )
  })

  it.each([
    ['nobody is there', at('http://127.0.0.1:65535/lifeguard'), 'ECONNREFUSED'],
    ['it is something else', answering(200, '{}'), 'there is no lifeguard here'],
    ['it is no JSON', answering(200, '<html>'), 'the answer is not JSON'],
    ['it is not found', answering(404, ''), 'answered 404'],
    ['it fails', answering(500, ''), 'answered 500'],
    ['it refuses', answering(401, ''), 'give its token with --app-token'],
  ])('says so where %s, and shows what the server says', async (_name, url, message) => {
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN')
    const { code, out, err } = await check(['--app', await url()])
    expect(err).toContain('pg-lifeguard: without lines of code: http://127.0.0.1:')
    expect(err).toContain(message)
    expect(out).toContain(`pid ${idle.pid}  idle in transaction`)
    expect(code).toBe(exitCode.found)
  })

  it('is refused where the URL is none, without showing it', async () => {
    const { code, err } = await check(['--app', 'app:hunter22@localhost'])
    expect(err).toContain('--app must be a URL')
    expect(err).not.toContain('hunter22')
    expect(code).toBe(exitCode.usage)
  })

  it('shows the token, from the option or the environment', async () => {
    const { lifeguard } = guardedPool(db.config, { clock: systemClock })
    const app = await mounted(lifeguard, { token: 'open sesame' })
    expect((await check(['--app', app])).err).toContain('refused (401)')
    expect((await check(['--app', app, '--app-token', 'open sesame'])).err).toBe('')
    const fromEnvironment = await pgLifeguard(['check', '--database', db.name, '--app', app], {
      url: db.url,
      env: { LIFEGUARD_TOKEN: 'open sesame' },
    })
    expect(fromEnvironment).toMatchObject({ code: exitCode.clean, err: '' })
  })
})
