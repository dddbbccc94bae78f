import { clientOf, loseSocket, sessionOf, terminate } from './acts.ts'
import { crash, crashUnseen } from './flights.ts'
import { holds } from './owner-conditions.ts'
import { ownerStep, type Step } from './steps.ts'
import { within } from './waiting.ts'

/** What becomes of a client without its owner's release. */
export const accidents: readonly Step[] = [
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
      if (flight !== undefined) await crashUnseen(world, flight, 'error Connection terminated')
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
      if (flight !== undefined) await crashUnseen(world, flight, 'error Connection terminated unexpectedly')
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
