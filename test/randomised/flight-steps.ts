import { isClosedByPool, noteAnswer, release, sessionOf } from './acts.ts'
import { closeCursor, cursorOf, openCursor, readCursor } from './cursors.ts'
import { crash, crashUnseen, flightOf, land, notePossible, takeOff } from './flights.ts'
import { holds, isFree, usable } from './owner-conditions.ts'
import type { Owner } from './owners.ts'
import { describeAnswer, send } from './sending.ts'
import * as sql from './server-session.ts'
import { millisLeft, ownerStep, type Step } from './steps.ts'
import { within } from './waiting.ts'
import type { World } from './world.ts'

/** With a statement under way. */
export const flights: readonly Step[] = [
  ownerStep({
    weight: 4,
    when: (world, owner) => isFree(world, owner) && !owner.fenced && usable(world, owner),
    correct: true,
    take: (world, owner) => takeOff(world, owner),
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
      await crashUnseen(world, flight, 'error Connection terminated')
    },
  }),
]

/** In a pipeline a client that is told to end waits for what is under way. */
function isCutByEnd(world: World, owner: Owner): boolean {
  return holds(world, owner) && world.flights.has(owner) && !world.pipeline
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
    notePossible(world, flight)
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

/** With a cursor open. */
export const cursors: readonly Step[] = [
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
