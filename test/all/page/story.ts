/**
 * The incident as the page tells it, scene by scene: a route forgets its transaction, the pool fills up, a migration waits
 * behind it, and the lifeguard frees the sessions. The clock of the lifeguard is moved; server and browser are real.
 */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { createLifeguard, type Lifeguard, type ManualClock, manualClock } from '../../../src/index.ts'
import { pageHandler } from '../../../src/page/index.ts'
import { eventually } from '../../support/eventually.ts'

export const scenes = ['quiet', 'leak', 'exhausted', 'blocked', 'freed'] as const
export type Scene = (typeof scenes)[number]

export interface Story extends AsyncDisposable {
  readonly url: string
  readonly lifeguard: Lifeguard
  readonly clock: ManualClock
  readonly pool: pg.Pool
  /** Plays the next scene. */
  play(scene: Scene): Promise<void>
}

const leakedMillis = 60_000
/** The page shows sessions that the server has seen idle in a transaction for five seconds. */
const seenMillis = 5_500

export async function startStory(databaseUrl: string): Promise<Story> {
  const config = { connectionString: databaseUrl }
  // The server compares the start of its sessions with the time of checkouts.
  const started = Date.now()
  const manual = manualClock()
  const clock: ManualClock = { ...manual, epochMillis: () => started + manual.now() }
  const lifeguard = createLifeguard({
    clock,
    reporters: [],
    remedies: { 'idle-transaction': 'rollback' },
    limits: { idleTransactionMillis: leakedMillis, transactionMillis: false, holdMillis: false },
  })
  const pool = new pg.Pool({ ...config, max: 4, application_name: 'orders-api' })
  const reports = new pg.Pool({ ...config, max: 2, application_name: 'orders-api reports' })
  for (const one of [pool, reports]) one.on('error', () => {})
  lifeguard.watch(pool, { name: 'main' })
  lifeguard.watch(reports, { name: 'reports' })
  const page = pageHandler(lifeguard, { title: 'orders-api', database: databaseUrl })
  const server = http.createServer((request, response) => page(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  await pool.query('DROP TABLE IF EXISTS orders')
  await pool.query('CREATE TABLE orders (id int PRIMARY KEY, note text)')
  await pool.query("INSERT INTO orders SELECT id, 'a note' FROM generate_series(1, 50) AS id")

  const migration = new pg.Client({ ...config, application_name: 'alembic' })
  migration.on('error', () => {})
  await migration.connect()
  const pending: Promise<unknown>[] = []
  const inRoute = <Result>(name: string, work: () => Promise<Result>) =>
    lifeguard.runInScope({ kind: 'request', name, id: `req-${pending.length + 1}` }, work)

  /** The bug: the order does not exist, and the route returns without COMMIT, ROLLBACK and release. */
  async function getOrder(id: number, meanwhile = async () => {}): Promise<unknown> {
    const client = await pool.connect()
    await client.query('BEGIN')
    const { rows } = await client.query('SELECT id, note FROM orders WHERE id = $1', [id])
    if (rows.length === 0) return undefined
    clock.advance(180 + (id % 7) * 90)
    await meanwhile()
    await client.query('COMMIT')
    client.release()
    return rows[0]
  }
  const visit = (id: number, meanwhile?: () => Promise<void>) =>
    inRoute('GET /orders/:id', () => getOrder(id, meanwhile))

  async function pay(id: number): Promise<void> {
    const client = await pool.connect()
    await client.query('UPDATE orders SET note = $2 WHERE id = $1', [id, 'paid'])
    clock.advance(240 + (id % 5) * 130)
    client.release()
  }
  async function report(id: number): Promise<void> {
    const client = await reports.connect()
    await client.query('SELECT count(*) FROM orders')
    clock.advance(1_500 + (id % 3) * 700)
    client.release()
  }

  const play: Record<Scene, () => Promise<void>> = {
    async quiet() {
      for (let id = 1; id <= 26; id += 1) {
        await visit(id, id % 4 === 0 ? () => inRoute('POST /pay', () => pay(id)) : undefined)
        if (id % 6 === 0) await inRoute('GET /reports/daily', () => report(id))
        clock.advance(700 + (id % 4) * 400)
      }
    },
    async leak() {
      await visit(404)
      for (let id = 1; id <= 8; id += 1) {
        await inRoute('POST /pay', () => pay(id))
        clock.advance(600)
      }
      await pause(seenMillis)
    },
    async exhausted() {
      for (const id of [405, 406, 407]) {
        await visit(id)
        clock.advance(2_000)
      }
      for (const id of [1, 2]) pending.push(inRoute('POST /pay', () => pay(id)))
      for (const id of [3, 4, 5]) pending.push(inRoute('GET /cart', () => pay(id)))
      clock.advance(9_000)
      await pause(seenMillis)
    },
    async blocked() {
      pending.push(migration.query('ALTER TABLE orders ADD COLUMN signed_at timestamptz').catch(() => {}))
      await eventually(async () => {
        const { rows } = await reports.query(
          "SELECT FROM pg_stat_activity WHERE application_name = 'alembic' AND wait_event_type = 'Lock'",
        )
        if (rows.length === 0) throw new Error('the migration does not wait yet')
      })
      clock.advance(3_000)
    },
    async freed() {
      const outcomes = () =>
        lifeguard.snapshot().findings.filter(({ outcome }) => outcome === 'destroyed').length
      for (let at = 0; at < 8 && outcomes() < 4; at += 1) {
        clock.advance(leakedMillis / 4)
        await pause(100)
      }
      await eventually(() => {
        clock.advance(1_000)
        if (outcomes() < 4) throw new Error('not all sessions were freed yet')
      })
      await Promise.all(pending.splice(0))
      clock.advance(2_000)
    },
  }
  return {
    ...{ lifeguard, clock, pool },
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/page`,
    play: (scene) => play[scene](),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await lifeguard.close()
      await migration.end()
      for (const one of [pool, reports]) {
        const clients = Reflect.get(one, '_clients') as readonly pg.Client[]
        for (const client of [...clients]) void client.end()
        await Promise.race([one.end(), pause(500)])
      }
    },
  }
}
