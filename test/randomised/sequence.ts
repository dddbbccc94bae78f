import type pg from 'pg'
import { eventually } from '../support/eventually.ts'
import { connect, release } from './acts.ts'
import { closeCursor } from './cursors.ts'
import { land } from './flights.ts'
import { ownerSteps } from './owner-steps.ts'
import { poolSteps } from './pool-steps.ts'
import { racingSteps } from './racing-steps.ts'
import type { Step } from './steps.ts'
import { until, within } from './waiting.ts'
import { World, type WorldOptions } from './world.ts'

export interface SequenceOptions extends WorldOptions {
  readonly steps: number
}

/** What a program has seen of its pool. */
export interface Experience {
  readonly transcript: readonly string[]
  readonly sent: readonly (readonly string[])[]
}

/** One step after the other, of several owners, each held against the model. */
export async function runSequence(options: SequenceOptions): Promise<Experience> {
  await prepareTables(options)
  const world = new World(options)
  const crashes: unknown[] = []
  const onCrash = (reason: unknown) => crashes.push(reason)
  process.on('uncaughtException', onCrash)
  process.on('unhandledRejection', onCrash)
  try {
    const steps: readonly Step[] = [
      ...ownerSteps,
      ...poolSteps,
      ...(options.mode === 'enforce' && !options.correct ? racingSteps : []),
    ]
    for (let taken = 0; taken < options.steps; taken++) {
      await takeStep(world, steps)
      if (crashes.length > 0) throw crashes[0]
      if (taken % 25 === 0) await checkRows(world)
    }
    await finish(world)
    if (crashes.length > 0) throw crashes[0]
    return { transcript: world.transcript, sent: world.sent }
  } catch (error) {
    for (const { pid } of await options.database.sessions()) {
      for (const client of world.clients) client.on('error', () => {})
      await options.database.terminate(pid)
    }
    throw new SequenceError(world, error)
  } finally {
    process.off('uncaughtException', onCrash)
    process.off('unhandledRejection', onCrash)
    for (const client of world.clients) closeForGood(client)
    await world.lifeguard.close()
  }
}

/** Says how to see the failure again, and what led to it. */
class SequenceError extends Error {
  constructor({ seed, mode, transcript, model }: World, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const { remedies } = model
    super(
      [
        reason,
        `seed ${seed}, mode ${mode}; replay: PGLIFEGUARD_SEED=${seed} npx vitest run test/randomised`,
        `remedies: ${Object.entries(remedies)
          .map(([kind, remedy]) => `${kind} ${remedy}`)
          .join(', ')}`,
        `on ${transcript[0]}; the last of ${transcript.length} lines:`,
        ...transcript.slice(-30).map((line) => `  ${line}`),
      ].join('\n'),
      { cause },
    )
    this.name = 'SequenceError'
  }
}

async function prepareTables({ database }: SequenceOptions): Promise<void> {
  await untilNoSessionIsLeft(database)
  await database.query(`
    SELECT pg_advisory_unlock_all();
    CREATE TABLE IF NOT EXISTS tagged (tag text PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS parents (id int PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS orphans (
      tag text, parent int REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED
    );
    TRUNCATE tagged, orphans, parents`)
}

async function takeStep(world: World, steps: readonly Step[]): Promise<void> {
  const possible = steps
    .map(({ weight, choices }) => ({ weight, choices: choices(world) }))
    .filter(({ choices }) => choices.length > 0)
  const { choices } = world.random.pickWeighted(possible)
  await world.random.pick(choices)()
  await world.settle()
}

/** Everybody comes to an end, well or badly; then the pool must be whole. */
async function finish(world: World): Promise<void> {
  const { model, pool, database } = world
  world.note('the end')
  for (const [owner, cursor] of [...world.cursors]) await closeCursor(world, owner, cursor)
  for (const flight of [...world.flights.values()]) await land(world, flight)
  await world.settle()
  while (model.holding.length > 0 || world.requests.length > 0) {
    const [owner] = model.holding
    if (owner === undefined) throw new Error('callers wait although every client is free')
    if (world.correct && owner.session?.transaction !== 'idle') release(world, owner, true)
    else release(world, owner)
    await world.settle()
  }
  for (const owner of model.owners.filter(({ phase }) => phase === 'destroyed')) release(world, owner)
  await world.settle()
  await checkSessions(world)
  await checkSlots(world)
  await checkRows(world)
  world.watcher?.checkAllResolved()
  world.unwatch()
  checkRestored(world)
  await within(pool.end(), 'pool.end()')
  await untilNoSessionIsLeft(database)
  await checkRows(world)
}

/** No session is left in a transaction, other than those that a guard without remedies has reported. */
async function checkSessions({ model, database }: World): Promise<void> {
  const dirty = [...model.sessions.values()].filter(
    ({ gone, transaction }) => !gone && transaction !== 'idle',
  )
  const expected = dirty.map(({ client }) => (client as unknown as { processID: number }).processID)
  // A client that was closed takes a moment to disappear from the server.
  await eventually(async () => {
    const found = (await database.sessions())
      .filter(({ state }) => state?.startsWith('idle in transaction'))
      .map(({ pid }) => pid)
    if (found.sort().join() !== expected.sort().join()) {
      throw new Error(`sessions ${found} are idle in transaction, expected ${expected}`)
    }
  })
}

/** The pool counts right, and gives out as many clients as it ever did. */
async function checkSlots(world: World): Promise<void> {
  const { pool, model } = world
  await until(
    () => pool.totalCount === pool.idleCount && pool.waitingCount === 0,
    () =>
      `the pool is whole: ${pool.totalCount} in total, ${pool.idleCount} idle, ${pool.waitingCount} waiting`,
  )
  const owners = Array.from({ length: model.max }, () => connect(world, 'promise'))
  await world.settle()
  for (const owner of owners) {
    const client = owner.session?.client
    if (client === undefined) throw new Error(`${owner.name} did not get a client`)
    await within(client.query('ROLLBACK'), 'every client answers')
    if (owner.session !== undefined) {
      owner.session.transaction = 'idle'
      owner.session.pending = []
      model.cleaned(owner.session)
    }
    const { rows } = await within(client.query<{ one: number }>('SELECT 1 AS one'), 'every client answers')
    if (rows[0]?.one !== 1) throw new Error(`${owner.name} got ${JSON.stringify(rows)}`)
  }
  await world.settle()
  for (const owner of owners) release(world, owner)
  await world.settle()
}

async function checkRows({ database, model }: World): Promise<void> {
  const { certain, possible } = model.rows
  const { rows } = await database.query<{ tag: string }>('SELECT tag FROM tagged')
  const found = new Set(rows.map(({ tag }) => tag))
  const missing = [...certain].filter((tag) => !found.has(tag) && !possible.has(tag))
  const surplus = [...found].filter((tag) => !certain.has(tag) && !possible.has(tag))
  if (missing.length > 0) throw new Error(`rows were lost: ${missing}`)
  if (surplus.length > 0) throw new Error(`rows persist that must not: ${surplus}`)
}

/** After `unwatch` nothing of the guard is left on the pool and its clients. */
function checkRestored({ pool }: World): void {
  const left = ['connect', 'query', 'end'].filter((name) => Object.hasOwn(pool, name))
  for (const client of pool._clients) {
    if (Object.hasOwn(client, 'query')) left.push('client.query')
    const { connection } = client as unknown as { connection: { listenerCount(name: string): number } }
    for (const event of ['readyForQuery', 'errorMessage']) {
      if (connection.listenerCount(event) !== 1) left.push(`a listener for ${event}`)
    }
  }
  if (left.length > 0) throw new Error(`unwatch leaves ${left} behind`)
}

async function untilNoSessionIsLeft(database: WorldOptions['database']): Promise<void> {
  await eventually(async () => {
    const left = await database.sessions()
    if (left.length > 0) throw new Error(`sessions are left: ${left.map(({ query }) => query)}`)
  })
}

function closeForGood(client: pg.Client): void {
  client.on('error', () => {})
  ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
}
