import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, vi } from 'vitest'
import { consoleReporter, createLifeguard, type LifeguardOptions, manualClock } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'

// The application of these tests, with the leaks that are reported. Each route runs on an empty stack, as a request does.
const application = `export function request(route, pool) {
  return new Promise((resolve, reject) => setImmediate(() => route(pool).then(resolve, reject)))
}

export async function showOrder(pool) {
  const client = await pool.connect()
  await client.query('BEGIN')
  const { rows } = await client.query("SELECT id FROM items WHERE note = 'secret' AND id > 41")
  if (rows.length === 0) return client
  await client.query('COMMIT')
  client.release()
}

export async function warmUp(pool) {
  return await pool.connect()
}

export async function saveOrder(pool) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('INSERT INTO items (note) VALUES ($1)', ['secret'])
    return client
  } finally {
    client.release()
  }
}

export async function releaseTwice(pool) {
  const client = await pool.connect()
  client.release()
  await giveBack(client)
}

async function giveBack(client) {
  client.release()
}

export async function orders(pool) {
  return pool.connect()
}
`

type Route = (pool: pg.Pool) => Promise<pg.PoolClient>
interface Application {
  request(route: Route, pool: pg.Pool): Promise<pg.PoolClient>
  showOrder: Route
  warmUp: Route
  saveOrder: Route
  releaseTwice: Route
  orders: Route
}

interface Stage {
  readonly pool: pg.Pool
  /** A request to the application; the client that it keeps. */
  request(route: Exclude<keyof Application, 'request'>): Promise<pg.PoolClient>
  readonly clock: ReturnType<typeof manualClock>
  /** What was printed since it was asked last; what differs from run to run is replaced. */
  printed(): string
}

/** What plays the application for the test file that calls it, and shows what the console shows. */
export function useConsoleStage() {
  const db = useDatabase()
  let folder: string
  let app: Application
  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'console-')))
    await writeFile(join(folder, 'orders.mjs'), application)
    app = await import(/* @vite-ignore */ pathToFileURL(join(folder, 'orders.mjs')).href)
  })
  afterAll(() => rm(folder, { recursive: true }))
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  async function onStage(
    options: LifeguardOptions & { columns?: number },
    act: (stage: Stage) => Promise<void>,
  ): Promise<void> {
    const { columns, ...settings } = options
    vi.stubEnv('NO_COLOR', undefined)
    vi.stubEnv('FORCE_COLOR', undefined)
    let text = ''
    const stream = {
      write(more: string) {
        text += more
      },
      ...(columns === undefined ? {} : { isTTY: true, columns }),
    }
    const clock = manualClock()
    const reporters = [consoleReporter({ stream, info: false })]
    const lifeguard = createLifeguard({ clock, reporters, ...settings })
    const pool = new pg.Pool({ ...db.config, max: 1 })
    pool.on('error', () => {})
    lifeguard.watch(pool, { name: 'main' })
    const printed = () => {
      const shown = text
        .replaceAll(`${folder}/`, '/app/')
        .replaceAll('\u001b', '<esc>')
        .replaceAll(/(server pid |backend\()\d+/g, (_match, before: string) => `${before}4711`)
      text = ''
      return shown
    }
    const kept: Promise<pg.PoolClient>[] = []
    const request: Stage['request'] = (route) => {
      const client = app.request(app[route], pool)
      kept.push(client)
      return client
    }
    try {
      await act({ pool, clock, request, printed })
    } finally {
      await lifeguard.close()
      // A test that fails leaves its clients out, and the end of the pool would wait for them.
      for (const client of kept) await client.then((held) => held.release(true)).catch(() => {})
      await pool.end()
    }
  }
  return onStage
}
