import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/core/time/clock.ts'
import { exitCode, pgLifeguard } from '../../cli/command-line.ts'
import { useDatabase } from '../../support/database.ts'
import { guardedPool, hereLine } from '../../support/guarded-pool.ts'
import { noPgBouncer, startPgBouncer } from '../../support/pgbouncer.ts'
import { openSession } from '../sessions.ts'

const db = useDatabase()
const here = relative(process.cwd(), import.meta.filename)

const check = (...args: readonly string[]) =>
  pgLifeguard(['check', '--database', db.name, '--min-idle', '0', ...args], { url: db.url })

const tagging = (tag: object = {}) =>
  guardedPool(db.config, { clock: systemClock, tag: { application: 'orders', ...tag } })

describe('check', () => {
  it('shows line and route of a blocker from its tag alone', async () => {
    const { pool, lifeguard } = tagging()
    const line = hereLine(2)
    await lifeguard.runInScope({ kind: 'request', name: 'GET /datasets/:id' }, async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      await client.query('SELECT * FROM accounts')
    })
    const migration = await openSession(db, 'migration')
    await migration.waitsFor('ALTER TABLE accounts ADD COLUMN c int')
    const { out, code } = await check()
    expect(out).toMatch(
      new RegExp(
        `opened at ${here}:${line}:\\d+ GET /datasets/:id, application orders\\n`.replaceAll('.', '\\.'),
      ),
    )
    expect(out).not.toContain('unverified')
    expect(code).toBe(exitCode.found)
  })

  it('shows it for another process, which it never asks', async () => {
    const service = join(import.meta.dirname, 'fixtures/leaky-service.ts')
    const child = spawn(process.execPath, ['--import', 'tsx', service, db.url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    const line =
      readFileSync(service, 'utf8')
        .split('\n')
        .findIndex((text) => text.includes('connect()')) + 1
    const migration = await openSession(db, 'migration')
    const waiting = await migration.waitsFor('ALTER TABLE accounts ADD COLUMN d int')
    const { out } = await check()
    const place = `${relative(process.cwd(), service)}:${line}:`
    expect(out).toContain(`opened at ${place}`)
    expect(out).toContain('GET /datasets/:id, application orders')
    expect(out).toContain(`application orders (pid ${child.pid} on `)
    child.kill('SIGKILL')
    expect(await waiting.outcome).toBeUndefined()
  })

  it('shows the process of a session whose statements are not tagged, and what that rests on', async () => {
    const { pool } = tagging({ statements: false })
    const client = await pool.connect()
    await client.query('BEGIN')
    const { out } = await check()
    expect(out).toContain(`opened at process ${process.pid} on `)
    expect(out).toContain('unverified: only by the name of its connection')
  })

  it('does not blame the line of a former statement without a doubt', async () => {
    const { pool } = tagging()
    const client = await pool.connect()
    await client.query('SELECT pg_advisory_lock(42)')
    const waiter = await openSession(db, 'waiter')
    await waiter.waitsFor('SELECT pg_advisory_lock(42)')
    const { out } = await check()
    expect(out).toContain(`opened at ${here}:`)
    expect(out).toContain('unverified: the session is idle')
  })

  it('obeys no tag: what it says is text', async () => {
    const evil = await openSession(db, 'evil')
    await evil.run('BEGIN')
    await evil.run("SELECT 1 /*application='x',origin='%1b%5B2J%0Aroot',route='%00'*/")
    const { out } = await check()
    expect(out).toContain('opened at')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(out).not.toMatch(/\u001b|\u0000|\nroot/)
  })

  it.skipIf(noPgBouncer !== undefined).each(['session', 'transaction'] as const)(
    'shows the line behind PgBouncer, in %s mode',
    async (mode) => {
      const pooler = await startPgBouncer(db.url, mode)
      const { pool } = guardedPool(
        { connectionString: pooler.url(db.url) },
        { clock: systemClock, tag: { application: 'orders' } },
      )
      const line = hereLine(1)
      const client = await pool.connect()
      await client.query('BEGIN')
      const transaction = await check('--pgbouncer', pooler.adminUrl)
      expect(transaction.out).toContain(`opened at ${here}:${line}:`)
      expect(transaction.out).not.toContain('unverified')
      await client.query('COMMIT')
      client.release()
      await pool.end()
      await pooler.stop()
    },
  )
})
