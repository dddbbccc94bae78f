/** What both acts start from: a forgotten transaction, three migrations behind it, and a reader behind those. */
import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import type { Finding, LifeguardEvents } from 'pg-lifeguard'
import { type Service, type ServiceOptions, startService } from './app.ts'
import { lockQueue, type QueuedSession } from './lock-queue.ts'
import { createTables, type Migration, prepareRollout } from './migrations.ts'

export interface Standstill {
  readonly service: Service
  /** How often the service has answered with which status before. */
  readonly answers: Readonly<Record<number, number>>
  readonly migrations: readonly Migration[]
  /** The status of a request to the correct route. It is answered when the migrations are through. */
  readonly answer: Promise<number>
  /** Who takes part, as the server says: the forgotten session, those of the migrations, that of the reader. */
  readonly queue: readonly QueuedSession[]
  /** The first event of this kind since the service was started, past ones included. */
  first(event: keyof LifeguardEvents, kind: Finding['kind']): Promise<Finding>
}

export interface Circumstances extends ServiceOptions {
  /** A connection outside the service's pool. */
  readonly observer: pg.Client
  readonly interruption: AbortSignal
}

/** Forming the queue takes a fraction of a second, and has to: it must stand before the lifeguard acts. */
const queueingMillis = 10_000

/** Brings the standstill about, lets `act` go on from there, and closes everything, the forgotten client included. */
export async function atStandstill<Result>(
  circumstances: Circumstances,
  act: (standstill: Standstill) => Promise<Result>,
): Promise<Result> {
  const { observer, interruption, databaseUrl } = circumstances
  await createTables(observer)
  await using service = await startService(circumstances)
  const first = recordEvents(service)
  const closeForgotten = trackClients(service.pool)
  await using rollout = await prepareRollout(databaseUrl)
  let answer: Promise<number> | undefined
  try {
    const answers = await traffic(service.url)
    const queued = (name: string) => queuedSession(observer, name, interruption)
    const migrations = await rollout.start(({ name }) => queued(name))
    answer = get(`${service.url}/v2/datasets/1`)
    await queued('datasets-api')
    const queue = await lockQueue(observer)
    return await act({ service, answers, migrations, answer, queue, first })
  } finally {
    await service.lifeguard.close()
    closeForgotten()
    // With that the way is free for everybody else, unless it was not what they waited for.
    await Promise.race([answer?.catch(() => {}), pause(2_000, undefined, { ref: false })])
  }
}

/** @returns the status */
export async function get(url: string): Promise<number> {
  const response = await fetch(url)
  await response.arrayBuffer()
  return response.status
}

/** Requests, a few at a time. The last one follows an old link. */
async function traffic(url: string): Promise<Record<number, number>> {
  const answers: Record<number, number> = {}
  const count = (status: number) => {
    answers[status] = (answers[status] ?? 0) + 1
  }
  for (let round = 0; round < 10; round++) {
    const statuses = await Promise.all([1, 2, 3].map((id) => get(`${url}/datasets/${id}`)))
    statuses.forEach(count)
  }
  count(await get(`${url}/datasets/42`))
  return answers
}

async function queuedSession(observer: pg.Client, name: string, interruption: AbortSignal): Promise<void> {
  const deadline = performance.now() + queueingMillis
  while (performance.now() < deadline) {
    const queue = await lockQueue(observer)
    if (queue.some((session) => session.name === name && session.waitsFor.length > 0)) return
    await pause(10, undefined, { signal: interruption })
  }
  throw new Error(`${name} waits for nobody: nothing was forgotten, or the lifeguard was there first`)
}

function recordEvents({ lifeguard }: Service): Standstill['first'] {
  const past: { readonly event: keyof LifeguardEvents; readonly finding: Finding }[] = []
  const listeners = new Set<() => void>()
  for (const event of ['finding', 'remedied', 'resolved'] as const) {
    lifeguard.on(event, (finding) => {
      past.push({ event, finding })
      for (const listener of listeners) listener()
    })
  }
  return (event, kind) =>
    new Promise((resolve) => {
      const look = () => {
        const found = past.find((entry) => entry.event === event && entry.finding.kind === kind)
        if (found !== undefined) resolve(found.finding)
      }
      listeners.add(look)
      look()
    })
}

/** @returns what closes the client that is out for the longest time: the others have owners who will release them */
function trackClients(pool: pg.Pool): () => void {
  const out = new Set<pg.PoolClient>()
  pool.on('acquire', (client) => out.add(client))
  pool.on('release', (_error, client) => out.delete(client))
  return () => {
    const [longest] = out
    longest?.release(true)
  }
}
