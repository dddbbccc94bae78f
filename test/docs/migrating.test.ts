import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createLifeguard, type Finding, type Lifeguard, type ManualClock } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { readPage, root, shown } from './page.ts'

const page = 'docs/migrating.md'
const db = useDatabase()
const folder = join(root, '.tmp', `migrating-${process.pid}`)
const before = { ...process.env }

/** A block of the page as a module. What ours has besides: its lifeguard, and a clock for it. */
interface Piece {
  readonly pool: pg.Pool
  readonly lifeguard: Lifeguard
  readonly clock: ManualClock
  readonly getClient: () => Promise<pg.PoolClient>
}

let loaded = 0

/** What many have written is the first block of a section, what replaces it is the second. */
async function load(section: string, index: 0 | 1): Promise<Piece> {
  const code = shown(page, section, 'ts')[index] ?? ''
  expect(code).not.toBe('')
  const guarded = code
    .replace(
      'createLifeguard({',
      'export const clock = manualClock()\nexport const lifeguard = createLifeguard({ clock, reporters: [],',
    )
    .replace(/\}\)\.watch\(pool\)/, '})\nlifeguard.watch(pool)')
    .replace('{ createLifeguard }', '{ createLifeguard, manualClock }')
    .replace("'pg-lifeguard'", `'${join(root, 'src/index.ts')}'`)
  loaded += 1
  const file = join(folder, `piece-${loaded}.ts`)
  writeFileSync(file, `${guarded}\nexport { pool }\n`)
  const piece: Piece = await import(/* @vite-ignore */ file)
  piece.pool.on('error', () => {})
  onTestFinished(async () => {
    await piece.lifeguard?.close()
    void piece.pool.end()
    for (const { pid } of await db.sessions()) await db.terminate(pid)
  })
  return piece
}

beforeAll(() => {
  const { host, port, user, password, database } = db.config
  Object.assign(process.env, {
    ...{ PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database },
  })
  mkdirSync(folder, { recursive: true })
})
afterAll(() => {
  for (const name of ['PGHOST', 'PGPORT', 'PGUSER', 'PGPASSWORD', 'PGDATABASE']) {
    if (before[name] === undefined) Reflect.deleteProperty(process.env, name)
    else process.env[name] = before[name]
  }
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(() => db.query("DELETE FROM items WHERE note = 'late'"))

const lateRows = async () => (await db.query("SELECT note FROM items WHERE note = 'late'")).rows.length

describe('a sweep that takes back idle clients', () => {
  const section = 'a-sweep-that-takes-back-idle-clients'

  it('lets the next statement of the old owner commit by itself', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const { pool } = await load(section, 0)
    const client = await pool.connect()
    await client.query('BEGIN')
    vi.advanceTimersByTime(30_000)
    await eventually(() => expect(pool.idleCount).toBe(1))
    await client.query("INSERT INTO items (note) VALUES ('late')")
    expect(await lateRows()).toBe(1)
  })

  it('is replaced by a rollback that keeps the old owner out', async () => {
    const { pool, lifeguard, clock } = await load(section, 1)
    const rolledBack = new Promise<Finding>((resolve) => lifeguard.on('finding', resolve))
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(11_000)
    expect(await rolledBack).toMatchObject({ kind: 'idle-transaction', outcome: 'rolled-back' })
    await expect(client.query("INSERT INTO items (note) VALUES ('late')")).rejects.toMatchObject({
      code: 'LIFEGUARD_TRANSACTION_ROLLED_BACK',
    })
    client.release()
    expect(await lateRows()).toBe(0)
  })

  it('with release(true) makes the release of the owner throw', async () => {
    const { pool } = await load(section, 0)
    const client = await pool.connect()
    client.release(true)
    expect(() => client.release()).toThrow('already been released')
  })
})

describe('a recipe that logs the last query', () => {
  const section = 'the-last-query-of-a-client'

  it('logs it, and loses the argument of release', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const logged: string[] = []
    vi.spyOn(console, 'error').mockImplementation((line: string) => void logged.push(line))
    onTestFinished(() => void vi.restoreAllMocks())
    const { pool, getClient } = await load(section, 0)
    const client = await getClient()
    await client.query('SELECT 1')
    vi.advanceTimersByTime(5_000)
    expect(logged.at(-1)).toBe('The last executed query on this client was: SELECT 1')
    client.release(true)
    expect(pool.totalCount).toBe(1)
  })

  it('works inside a watched pool, whose report names the caller', async () => {
    const { pool, getClient } = await load(section, 0)
    await using lifeguard = createLifeguard({ reporters: [] })
    lifeguard.watch(pool, { name: 'main' })
    const client = await getClient()
    await client.query('SELECT 1')
    const [held] = lifeguard.snapshot().checkouts
    expect(held?.lastQuery).toBe('SELECT ?')
    expect(held?.origin?.file).toContain('piece-')
    expect(held?.origin?.frames.map(({ file }) => file)).toContainEqual(
      expect.stringContaining('migrating.test.ts'),
    )
    client.release()
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })

  it('is replaced by a limit', async () => {
    const { pool, lifeguard, clock, getClient } = await load(section, 1)
    const found = new Promise<Finding>((resolve) => lifeguard.on('finding', resolve))
    const client = await getClient()
    await client.query('SELECT 1')
    clock.advance(6_000)
    expect(await found).toMatchObject({ kind: 'long-hold', checkout: { lastQuery: 'SELECT 1' } })
    client.release(true)
    expect(pool.totalCount).toBe(0)
  })
})

it.each([0, 1] as const)('timeouts are set either way: block %s', async (index) => {
  const { pool } = await load('timeouts-of-the-server', index)
  const { rows } = await pool.query(
    "SELECT current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('statement_timeout') AS statement",
  )
  expect(rows).toEqual([{ idle: '1min', statement: '30s' }])
})

it.each([
  [0, `orders-${hostname()}-${process.pid}`],
  [1, `orders (pid ${process.pid} on ${hostname()})`],
] as const)('connections have a name either way: block %s', async (index, name) => {
  const { pool } = await load('labelled-application-names', index)
  const { rows } = await pool.query("SELECT current_setting('application_name') AS name")
  expect(rows).toEqual([{ name: name.slice(0, 63) }])
})

it('the script that kills backends is SQL that the server takes', async () => {
  const [script = ''] = shown(page, 'a-script-that-kills-backends', 'sh')
  const sql = /"([^"]*)"/.exec(script)?.[1] ?? ''
  expect((await db.query(`EXPLAIN ${sql}`)).rows.length).toBeGreaterThan(0)
})

it('what is for a shell is right for a shell', () => {
  for (const { code } of readPage(page).blocks.filter(({ language }) => language === 'sh')) {
    expect(spawnSync('bash', ['-n'], { input: code, encoding: 'utf8' }).stderr).toBe('')
  }
})

it('the count at the end of a test run does nothing if nothing is left', async () => {
  const { pool } = await load('a-count-of-clients-at-the-end-of-a-test-run', 0)
  expect(pool.totalCount).toBe(0)
})
