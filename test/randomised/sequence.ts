import { connect, release } from './acts.ts'
import {
  checkClient,
  checkIdleInTransaction,
  checkRestored,
  checkRows,
  cleanUp,
  closeForGood,
  collectCrashes,
  prepareTables,
  untilNoSessionIsLeft,
  untilPoolIsWhole,
} from './aftermath.ts'
import { closeCursor } from './cursors.ts'
import { RunError } from './failure.ts'
import { land } from './flights.ts'
import { ownerSteps } from './owner-steps.ts'
import { limits } from './owners.ts'
import { poolSteps } from './pool-steps.ts'
import { racingSteps } from './racing-steps.ts'
import * as sql from './server-session.ts'
import type { Step } from './steps.ts'
import { within } from './waiting.ts'
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
  const { database, mode, correct } = options
  await prepareTables(database)
  const world = new World(options)
  using crashes = collectCrashes()
  try {
    const steps = [...ownerSteps, ...poolSteps, ...(mode === 'enforce' && !correct ? racingSteps : [])]
    for (let taken = 0; taken < options.steps; taken++) {
      await takeStep(world, steps)
      crashes.throwFirst()
      if (taken % 25 === 0) await checkRows(database, world.model.rows)
    }
    await finish(world)
    crashes.throwFirst()
    return { transcript: world.transcript, sent: world.sent }
  } catch (error) {
    await cleanUp(database, world.clients)
    const { seed, transcript, model } = world
    throw new RunError(error, { seed, mode, remedies: model.remedies, transcript })
  } finally {
    for (const client of world.clients) closeForGood(client)
    await world.lifeguard.close()
  }
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
  const { model, pool, database, random, watcher } = world
  world.note('the end')
  for (const [owner, cursor] of [...world.cursors]) await closeCursor(world, owner, cursor)
  for (const flight of [...world.flights.values()]) await land(world, flight)
  await world.settle()
  await releaseUntil(world, () => world.requests.length === 0)
  // Some programs end their pool before everybody has given back what they hold.
  const ended = !world.correct && random.chance(0.3) ? pool.end() : undefined
  if (ended !== undefined) await waitForEnd(world)
  await releaseUntil(world, () => model.holding.length === 0)
  for (const owner of model.owners.filter(({ phase }) => phase === 'destroyed')) release(world, owner)
  await world.settle()
  const dirty = [...model.sessions.values()].filter(
    (session) => !session.gone && session.transaction !== 'idle',
  )
  await checkIdleInTransaction(
    database,
    dirty.map(({ client }) => client),
  )
  if (ended === undefined) await checkSlots(world)
  await checkRows(database, model.rows)
  watcher?.checkAllResolved()
  world.unwatch()
  checkRestored(pool)
  await within(ended ?? pool.end(), 'pool.end()')
  await untilNoSessionIsLeft(database)
  await checkRows(database, model.rows)
}

async function releaseUntil(world: World, isEnough: () => boolean): Promise<void> {
  while (!isEnough()) {
    const [owner] = world.model.holding
    if (owner === undefined) throw new Error('callers wait although every client is free')
    if (world.correct && owner.session?.transaction !== 'idle') release(world, owner, true)
    else release(world, owner)
    await world.settle()
  }
}

/** `pool.end()` waits for whoever holds a client. */
async function waitForEnd(world: World): Promise<void> {
  const { model } = world
  world.note('the pool ends')
  if (world.guarded) model.endingSince = model.now
  await world.settle()
  await world.pass(limits.scopeGraceMillis + 200)
}

/** The pool gives out as many clients as it ever did, and each of them works. */
async function checkSlots(world: World): Promise<void> {
  const { pool, model } = world
  await untilPoolIsWhole(pool)
  const owners = Array.from({ length: model.max }, () => connect(world, 'promise'))
  await world.settle()
  for (const { name, session } of owners) {
    if (session === undefined) throw new Error(`${name} did not get a client`)
    await checkClient(session.client)
    sql.discard(session)
    model.cleaned(session)
  }
  await world.settle()
  for (const owner of owners) release(world, owner)
  await world.settle()
}
