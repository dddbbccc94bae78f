import {
  clientOf,
  execute,
  executeAndRelease,
  isClosedByPool,
  loseSocket,
  noteAnswer,
  readState,
  release,
  releaseUnawaited,
  sessionOf,
  terminate,
} from './acts.ts'
import { closeCursor, openCursor, readCursor } from './cursors.ts'
import { crash, land, takeOff } from './flights.ts'
import type { Owner } from './model.ts'
import { describeAnswer, send } from './sending.ts'
import * as sql from './server-session.ts'
import { millisLeft, ownerStep, type Step } from './steps.ts'
import { within } from './waiting.ts'
import type { World } from './world.ts'

function holds(_world: World, owner: Owner): boolean {
  return owner.phase === 'holding'
}

/** It can send a statement and gets an answer. */
function isFree(_world: World, owner: Owner): boolean {
  return owner.phase === 'holding' && owner.work === 'none'
}

function transactionIs(...states: sql.ServerSession['transaction'][]) {
  return (_world: World, owner: Owner) =>
    owner.session !== undefined && !owner.session.gone && states.includes(owner.session.transaction)
}

function statementStep(
  statement: sql.Statement,
  weight: number,
  correct: boolean | ((world: World, owner: Owner) => boolean),
): Step {
  return ownerStep({
    weight,
    // Whoever has lost its session goes on using it now and then.
    when: (world, owner) =>
      (isFree(world, owner) || owner.phase === 'destroyed') && (weight > 2 || !sessionOf(owner).gone),
    correct,
    take: (world, owner) => execute(world, owner, statement),
  })
}

const inTransaction = transactionIs('open')
const usable = transactionIs('idle', 'open')

const statements: Step[] = [
  statementStep(sql.begin, 8, transactionIs('idle')),
  statementStep(sql.insertRow, 10, usable),
  statementStep(sql.select, 4, usable),
  statementStep(sql.divide, 3, usable),
  statementStep(sql.insertOrphan, 1, usable),
  statementStep(sql.commit, 6, inTransaction),
  statementStep(sql.commitAndChain, 1, inTransaction),
  statementStep(sql.rollback, 5, transactionIs('open', 'failed')),
  statementStep(sql.savepoint, 2, inTransaction),
  statementStep(sql.rollbackToSavepoint, 2, (_, { session }) => (session?.savepoints.length ?? 0) > 0),
  statementStep(sql.goodScript, 2, transactionIs('idle')),
  statementStep(sql.failingScript, 2, transactionIs('idle')),
]

const states: Step[] = [
  ownerStep({
    weight: 4,
    when: setsState,
    correct: false,
    async take(world, owner) {
      await execute(world, owner, sql.setState)
      owner.leavesState = true
    },
  }),
  ownerStep({
    weight: 1,
    when: setsState,
    correct: true,
    take: (world, owner) => execute(world, owner, sql.setAndReset),
  }),
  ownerStep({
    weight: 3,
    when: (world, owner) => isFree(world, owner) && !owner.fenced && usable(world, owner),
    correct: true,
    take: readState,
  }),
]

function setsState(world: World, owner: Owner): boolean {
  // Of a setting that was set twice nothing is claimed without proof.
  return isFree(world, owner) && !owner.fenced && !owner.leavesState && transactionIs('idle')(world, owner)
}

/** Statements after which a correct program may release at once. */
const lastStatements = [sql.commit, sql.rollback, sql.divide, sql.select, sql.goodScript, sql.failingScript]

function endsClean({ session }: Owner, statement: sql.Statement): boolean {
  if (session === undefined || session.gone) return false
  const { transaction } = session
  if (statement === sql.rollback) return transaction !== 'idle'
  if (statement === sql.commit) return transaction === 'open'
  return transaction === 'idle' && statement !== sql.failingScript
}

const releases: Step[] = [
  ownerStep({
    weight: 10,
    when: isFree,
    correct: transactionIs('idle'),
    take: (world, owner) => release(world, owner),
  }),
  ownerStep({
    weight: 1,
    when: (world, owner) => isFree(world, owner),
    correct: true,
    take: (world, owner) => release(world, owner, world.random.pick([true, new Error('out of order')])),
  }),
  ...lastStatements.map((statement) =>
    ownerStep({
      weight: 0.7,
      when: (world, owner) => isFree(world, owner) && !owner.fenced && !sessionOf(owner).gone,
      correct: (_world, owner) => endsClean(owner, statement),
      take: (world, owner) => executeAndRelease(world, owner, statement),
    }),
  ),
  ownerStep({
    weight: 2,
    when: (world, owner) => isFree(world, owner) && !owner.fenced && !sessionOf(owner).gone,
    correct: false,
    take(world, owner) {
      const one = () => world.random.pick([sql.begin, sql.insertRow, sql.commit, sql.select, sql.divide])
      return releaseUnawaited(world, owner, world.random.chance(0.7) ? [one()] : [one(), one()])
    },
  }),
  // Twice, or late.
  ownerStep({
    weight: 2,
    when: (world, owner) => owner.phase === 'over' && world.releases.has(owner),
    correct: false,
    take: (world, owner) => release(world, owner),
  }),
  ownerStep({
    weight: 6,
    when: (_world, { phase }) => phase === 'destroyed',
    correct: false,
    take: (world, owner) => release(world, owner),
  }),
]

const flights: Step[] = [
  ownerStep({
    weight: 4,
    when: (world, owner) => isFree(world, owner) && !owner.fenced && usable(world, owner),
    correct: true,
    take: takeOff,
  }),
  ownerStep({
    weight: 10,
    when: (world, owner) => holds(world, owner) && world.flights.has(owner),
    correct: true,
    async take(world, owner) {
      const flight = flightOf(world, owner)
      // Between an error and ReadyForQuery the client is not idle, however long the statement took.
      if (world.random.chance(0.5) && (!world.correct || millisLeft(world) > 110)) {
        flight.onAnswer = () => {
          world.clock.advance(110)
          world.model.now += 110
        }
      }
      await land(world, flight)
    },
  }),
  ownerStep({
    weight: 4,
    when: (world, owner) => holds(world, owner) && world.flights.has(owner),
    correct: false,
    take: releaseInFlight,
  }),
  ownerStep({
    weight: 1,
    when: isCutByEnd,
    correct: false,
    async take(world, owner) {
      const flight = flightOf(world, owner)
      release(world, owner, true)
      if (flight.isFinal) world.model.rows.possible.add(flight.tag)
      await crash(world, flight, 'error Connection terminated')
    },
  }),
]

/** In a pipeline a client that is told to end waits for what is under way. */
function isCutByEnd(world: World, owner: Owner): boolean {
  return holds(world, owner) && world.flights.has(owner) && !world.pipeline
}

function flightOf(world: World, owner: Owner) {
  const flight = world.flights.get(owner)
  if (flight === undefined) throw new Error(`${owner.name} has no statement under way`)
  return flight
}

async function releaseInFlight(world: World, owner: Owner): Promise<void> {
  const { model, random } = world
  const flight = flightOf(world, owner)
  const { session } = flight
  const isDestroyed = owner.watched && model.remedies['busy-release'] === 'destroy'
  const tag = world.nextTag(owner.name)
  const queued = random.chance(0.3) ? send(session.client, sql.select, tag, 'promise') : undefined
  release(world, owner)
  const isClosed = !isDestroyed && isClosedByPool(world, session)
  if (isClosed) {
    if (flight.isFinal) model.rows.possible.add(flight.tag)
    model.closed(session)
  }
  const fate = isDestroyed ? 'error LIFEGUARD_SESSION_DESTROYED' : 'error Connection terminated'
  if (isDestroyed || isClosed) {
    await crash(world, flight, fate)
  } else {
    await world.serve({ isBusy: true })
    await land(world, flight)
  }
  if (queued === undefined) return
  const answer = await within(queued, 'a queued statement is answered')
  // In a pipeline it has been sent already, and may be answered before the connection is closed.
  if (isDestroyed && world.pipeline) return world.note(`${owner.name}: SELECT ${tag} (queued) -> ${answer}`)
  const expected = isDestroyed || isClosed ? fate : describeAnswer(model.apply(session, sql.select, tag))
  noteAnswer(world, `${owner.name}: SELECT ${tag} (queued)`, answer, expected)
}

const cursors: Step[] = [
  ownerStep({
    weight: 3,
    when: (world, owner) => isFree(world, owner) && !owner.fenced && usable(world, owner) && !world.pipeline,
    correct: true,
    take: openCursor,
  }),
  ownerStep({
    weight: 6,
    when: (world, owner) => holds(world, owner) && world.cursors.has(owner),
    correct: true,
    async take(world, owner) {
      const cursor = cursorOf(world, owner)
      if (world.random.chance(0.3)) await readCursor(world, owner, cursor)
      else await closeCursor(world, owner, cursor)
    },
  }),
  ownerStep({
    weight: 3,
    when: (world, owner) => holds(world, owner) && world.cursors.has(owner),
    correct: false,
    async take(world, owner) {
      const cursor = cursorOf(world, owner)
      const closes = world.random.chance(0.3)
      const isDestroyed = owner.watched && world.model.remedies['busy-release'] === 'destroy'
      release(world, owner, closes)
      if (closes || isDestroyed || isClosedByPool(world, sessionOf(owner))) {
        world.cursors.delete(owner)
        return
      }
      await world.serve({ isBusy: true })
      await closeCursor(world, owner, cursor)
    },
  }),
]

function cursorOf(world: World, owner: Owner) {
  const cursor = world.cursors.get(owner)
  if (cursor === undefined) throw new Error(`${owner.name} has no cursor`)
  return cursor
}

const accidents: Step[] = [
  ownerStep({
    weight: 1.5,
    when: (world, owner) => holds(world, owner) && !sessionOf(owner).gone,
    correct: false,
    async take(world, owner) {
      const flight = world.flights.get(owner)
      const session = sessionOf(owner)
      await terminate(world, session)
      world.model.killed(session)
      world.cursors.delete(owner)
      if (flight !== undefined) await crash(world, flight, 'error 57P01')
    },
  }),
  ownerStep({
    weight: 1,
    when: (world, owner) =>
      holds(world, owner) && !sessionOf(owner).gone && (owner.work !== 'query' || !world.pipeline),
    correct: false,
    async take(world, owner) {
      const flight = world.flights.get(owner)
      const session = sessionOf(owner)
      await within(session.client.end(), `the client of ${owner.name} ends`)
      world.note(`${owner.name} ends its client`)
      world.model.closedByOwner(session)
      // Whoever still has to learn of a remedy learns of it.
      if (!owner.fenced) world.model.endTransaction(owner)
      world.cursors.delete(owner)
      owner.work = 'none'
      if (flight === undefined) return
      if (flight.isFinal) world.model.rows.possible.add(flight.tag)
      await crash(world, flight, 'error Connection terminated')
    },
  }),
  ownerStep({
    weight: 1,
    when: (world, owner) => holds(world, owner) && !sessionOf(owner).gone,
    correct: false,
    async take(world, owner) {
      const flight = world.flights.get(owner)
      const session = sessionOf(owner)
      await loseSocket(world, session)
      world.model.killed(session)
      world.cursors.delete(owner)
      if (flight === undefined) return
      if (flight.isFinal) world.model.rows.possible.add(flight.tag)
      await crash(world, flight, 'error Connection terminated unexpectedly')
    },
  }),
  ownerStep({
    weight: 1,
    when: (world, owner) => holds(world, owner) && !owner.exempt && !owner.fenced,
    correct: true,
    take(world, owner) {
      world.lifeguard.exempt(clientOf(owner), 'held for long by design')
      owner.exempt = true
      if (owner.watched) world.model.resolve(owner, 'idle-transaction', 'long-transaction', 'long-hold')
    },
  }),
]

export const ownerSteps: readonly Step[] = [
  ...statements,
  ...states,
  ...releases,
  ...flights,
  ...cursors,
  ...accidents,
]
