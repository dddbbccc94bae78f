import { callRelease, clientOf, connect, execute, release, sessionOf } from './acts.ts'
import { serverPid } from './aftermath.ts'
import { freedAt } from './deadlines.ts'
import { crash, type Flight, notePossible, openGate, takeOff } from './flights.ts'
import type { Kind, Outcome, Owner } from './owners.ts'
import { send } from './sending.ts'
import * as sql from './server-session.ts'
import { ownerStep, type Step } from './steps.ts'
import { within } from './waiting.ts'
import type { World } from './world.ts'

/** What may come between while a remedy is at work on an owner that still holds the client. */
type Interruption = (world: World, owner: Owner) => Promise<void> | void

/** The server ends the session, or its owner does, while ROLLBACK is under way: either may be first. */
async function loseSession(world: World, owner: Owner, cut: () => Promise<unknown>): Promise<void> {
  const { model, watcher } = world
  owner.vague = true
  if (watcher === undefined) return
  model.awaited.push({ owner, kind: 'session-killed', outcomes: [undefined], optional: true })
  await within(cut(), 'the session ends')
  await world.remediesDone()
  if (watcher.isOut(owner)) model.closed(sessionOf(owner))
  else model.destroyed(owner)
  world.note(`${owner.name} loses its session and is ${owner.phase}`)
  release(world, owner)
}

const interruptions: readonly { readonly name: string; readonly interrupt: Interruption }[] = [
  { name: 'nothing', interrupt: () => {} },
  { name: 'release', interrupt: (world, owner) => release(world, owner) },
  { name: 'release(true)', interrupt: (world, owner) => release(world, owner, true) },
  {
    name: 'release twice',
    interrupt(world, owner) {
      release(world, owner)
      release(world, owner)
    },
  },
  { name: 'ROLLBACK', interrupt: (world, owner) => execute(world, owner, sql.rollback) },
  { name: 'COMMIT', interrupt: (world, owner) => execute(world, owner, sql.commit) },
  { name: 'INSERT', interrupt: (world, owner) => execute(world, owner, sql.insertRow) },
  {
    name: 'ROLLBACK and BEGIN',
    async interrupt(world, owner) {
      await execute(world, owner, sql.rollback)
      await execute(world, owner, sql.begin)
      await execute(world, owner, sql.insertRow)
    },
  },
  {
    name: 'somebody connects',
    interrupt(world, owner) {
      connect(world, 'promise')
      release(world, owner)
    },
  },
  { name: 'unwatch', interrupt: (world) => world.unwatch() },
  {
    name: 'unwatch, watch and release',
    interrupt(world, owner) {
      world.unwatch()
      world.watch()
      release(world, owner)
    },
  },
  {
    name: 'close',
    async interrupt(world) {
      await world.renewLifeguard()
      world.watch()
    },
  },
  {
    name: 'kill',
    interrupt: (world, owner) =>
      loseSession(world, owner, () => world.database.terminate(serverPid(clientOf(owner)))),
  },
  {
    name: 'client.end()',
    interrupt: (world, owner) => loseSession(world, owner, () => clientOf(owner).end()),
  },
]

/** Nothing else is due soon, neither for this owner nor for another. */
function awaitsRollback(world: World, owner: Owner, kind: Kind): boolean {
  const { model } = world
  const { session } = owner
  if (owner.phase !== 'holding' || !owner.watched || owner.fenced || session === undefined) return false
  if (session.murky || session.inherited || session.gone || owner.work === 'portal') return false
  // What becomes of its state in between is too much for the model.
  if (owner.leavesState) return false
  if (model.remedies[kind] !== 'rollback') return false
  const due = model.deadlines(owner).find((deadline) => deadline.kind === kind)
  if (due === undefined) return false
  return model.owners.every(
    (other) =>
      other.destroyAt > due.at + 300 &&
      freedAt(model, other) > due.at + 300 &&
      model
        .deadlines(other)
        .every((deadline) => deadline.at > due.at + 300 || (deadline.kind === kind && other === owner)),
  )
}

/** Lets the time pass until the remedy has just started, without giving it the time to go on. */
async function startRollback(world: World, owner: Owner, kind: Kind): Promise<boolean> {
  const { model, watcher, clock } = world
  const due = model.deadlines(owner).find((deadline) => deadline.kind === kind)
  if (due === undefined || watcher === undefined) return false
  await world.pass(Math.max(0, due.at - model.now - 1))
  if (!awaitsRollback(world, owner, kind)) return false
  for (let passed = 0; passed < 150 && !watcher.hasOpened(owner, kind); passed += 10) {
    clock.advance(10)
    model.now += 10
  }
  if (!watcher.hasOpened(owner, kind)) throw new Error(`${kind} of ${owner.name} is not found in time`)
  return true
}

function duringRollback(kind: Kind, weight: number): Step {
  return ownerStep({
    weight,
    when: (world, owner) => awaitsRollback(world, owner, kind),
    correct: false,
    async take(world, owner) {
      const { model, random } = world
      const { name, interrupt } = random.pick(interruptions)
      if (!(await startRollback(world, owner, kind))) return
      world.note(`${owner.name} is rolled back for ${kind}, and in between: ${name}`)
      const isCut = name === 'kill' || name === 'client.end()'
      const outcomes: Outcome[] = [undefined, 'rolled-back', ...(isCut ? (['destroyed'] as const) : [])]
      model.awaited.push({ owner, kind, outcomes, optional: false, applied: true })
      const flight = world.flights.get(owner)
      model.rolledBack(owner)
      if (flight !== undefined) void refused(world, flight)
      await interrupt(world, owner)
    },
  })
}

function mayCommitAtLimit({ model }: World, owner: Owner): boolean {
  const { session } = owner
  if (owner.phase !== 'holding' || !owner.watched || owner.fenced || session === undefined) return false
  if (session.murky || session.inherited || session.gone || session.doomed || owner.leavesState) return false
  const isJudged =
    model.remedies['long-transaction'] === 'rollback' && !owner.reported.has('long-transaction')
  return isJudged && owner.work === 'none' && session.transaction === 'open'
}

/** A COMMIT comes to its end just as the limit of its transaction passes: either may be first, and is told as it was. */
const commitAtLimit = ownerStep({
  weight: 40,
  when: mayCommitAtLimit,
  correct: false,
  async take(world, owner) {
    const { model, watcher, clock } = world
    const kind = 'long-transaction'
    await takeOff(world, owner, 'COMMIT')
    const due = model.deadlines(owner).find((deadline) => deadline.kind === kind)
    if (due === undefined || watcher === undefined) return
    await world.pass(Math.max(0, due.at - model.now - 1))
    const flight = world.flights.get(owner)
    if (flight === undefined || !awaitsRollback(world, owner, kind)) return
    world.flights.delete(owner)
    const comesFirst = world.random.chance(0.6)
    if (comesFirst) await openGate(world, flight)
    for (let passed = 0; passed < 150 && !watcher.hasOpened(owner, kind); passed += 10) {
      clock.advance(10)
      model.now += 10
    }
    if (!comesFirst) await openGate(world, flight)
    const answer = await within(flight.answered, 'COMMIT is answered')
    await world.remediesDone()
    owner.work = 'none'
    world.note(`${owner.name}: COMMIT at its limit -> ${answer}`)
    const isCommitted = answer.startsWith('COMMIT')
    const outcomes: Outcome[] = [isCommitted ? undefined : 'rolled-back']
    model.awaited.push({ owner, kind, outcomes, optional: isCommitted, applied: true })
    if (!isCommitted) {
      if (!answer.startsWith('error LIFEGUARD_TRANSACTION_ROLLED_BACK'))
        throw new Error(`COMMIT -> ${answer}`)
      model.rolledBack(owner)
      return
    }
    model.apply(sessionOf(owner), sql.commit, flight.tag)
    model.endTransaction(owner)
    owner.idleSince = model.now
    await execute(world, owner, sql.select)
    await execute(world, owner, sql.begin)
  },
})

/** The statement in flight is cancelled by the remedy, or dies with its connection. */
async function refused(world: World, flight: Flight): Promise<void> {
  world.flights.delete(flight.owner)
  await crash(world, flight, 'error LIFEGUARD_TRANSACTION_ROLLED_BACK', 'error LIFEGUARD_SESSION_DESTROYED')
}

/** A release is held back by a remedy, and somebody comes in between. */
const duringRelease: readonly {
  readonly name: string
  /** It uses the client that is on its way back. */
  readonly touches?: true
  readonly interrupt: Interruption
}[] = [
  { name: 'release', interrupt: (world, owner) => release(world, owner) },
  {
    name: 'a statement of the former owner',
    touches: true,
    async interrupt(world, owner) {
      const tag = world.nextTag(owner.name)
      const answer = await within(send(clientOf(owner), sql.insertRow, tag, 'promise'), 'it is refused')
      if (!answer.startsWith('error LIFEGUARD_')) {
        throw new Error(`a statement after release was answered with ${answer}`)
      }
    },
  },
  {
    name: 'somebody connects',
    interrupt(world) {
      connect(world, 'callback')
    },
  },
  { name: 'unwatch', interrupt: (world) => world.unwatch() },
  {
    name: 'close',
    async interrupt(world) {
      await world.renewLifeguard()
      world.watch()
    },
  },
  {
    name: 'kill',
    touches: true,
    async interrupt(world, owner) {
      owner.vague = true
      world.model.awaited.push({ owner, kind: 'session-killed', outcomes: [undefined], optional: true })
      await world.database.terminate(serverPid(clientOf(owner)))
      world.model.closed(sessionOf(owner))
    },
  },
  {
    name: 'client.end()',
    touches: true,
    async interrupt(world, owner) {
      owner.vague = true
      await within(clientOf(owner).end(), 'the client ends')
      world.model.closed(sessionOf(owner))
    },
  },
]

function isRemediedRelease(world: World, owner: Owner): boolean {
  const { session } = owner
  if (owner.phase !== 'holding' || !owner.watched || owner.fenced || session === undefined) return false
  if (session.murky || session.inherited || session.gone || owner.leavesState) return false
  if (owner.work === 'query') return world.model.remedies['busy-release'] === 'destroy'
  return (
    owner.work === 'none' &&
    session.transaction !== 'idle' &&
    world.model.remedies['dirty-release'] === 'rollback'
  )
}

const interruptedRelease = ownerStep({
  weight: 3,
  when: isRemediedRelease,
  correct: false,
  async take(world, owner) {
    const { model, random } = world
    // Whoever waits may have the client before it is cut, or used by its former owner.
    const isWanted = world.requests.length > 0
    const { name, interrupt } = random.pick(duringRelease.filter(({ touches }) => !(touches && isWanted)))
    const flight = world.flights.get(owner)
    callRelease(world, owner)
    model.released(owner, false)
    const awaited = model.awaited.find((one) => one.owner === owner && one.kind.endsWith('release'))
    if (awaited !== undefined && (name === 'kill' || name === 'client.end()')) {
      model.awaited.splice(model.awaited.indexOf(awaited), 1, {
        ...awaited,
        outcomes: [undefined, 'rolled-back', 'destroyed'],
      })
    }
    world.note(`${owner.name} is remedied for its release, and in between: ${name}`)
    if (flight !== undefined) {
      world.flights.delete(owner)
      if (name === 'client.end()') notePossible(world, flight)
      const ended = crash(world, flight, 'error LIFEGUARD_SESSION_DESTROYED')
      await interrupt(world, owner)
      await ended
    } else await interrupt(world, owner)
  },
})

export const racingSteps: readonly Step[] = [
  duringRollback('idle-transaction', 10),
  duringRollback('long-transaction', 6),
  commitAtLimit,
  interruptedRelease,
]
