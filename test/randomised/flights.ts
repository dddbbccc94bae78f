import { execute, noteAnswer, sessionOf } from './acts.ts'
import { serverPid } from './aftermath.ts'
import type { Owner, PooledSession } from './owners.ts'
import { describeAnswer, send } from './sending.ts'
import { commit, type Statement, type Tag } from './server-session.ts'
import { within } from './waiting.ts'
import type { World } from './world.ts'

/** A statement that the server holds up until its gate opens. */
export interface Flight {
  readonly owner: Owner
  readonly session: PooledSession
  readonly gate: number
  readonly statement: Statement
  readonly tag: Tag
  readonly answered: Promise<string>
  /** The rows that it makes final when it comes to its end, which it may do without its connection. */
  readonly rows: readonly Tag[]
  /** Called by the driver with the answer, before ReadyForQuery if that is an error. */
  onAnswer: () => void
}

function slowInsert(gate: number): Statement {
  return {
    name: 'slow INSERT',
    text: (tag) => `INSERT INTO tagged SELECT '${tag}' FROM (SELECT pg_advisory_xact_lock(${gate})) AS gate`,
    apply(session, rows, tag) {
      if (session.transaction === 'idle') rows.certain.add(tag)
      else session.pending.push(tag)
      return { commands: ['INSERT'] }
    },
  }
}

function slowFailure(gate: number): Statement {
  return {
    name: 'slow failure',
    script: true,
    text: () => `SELECT pg_advisory_xact_lock(${gate}); SELECT 1/0`,
    apply(session) {
      if (session.transaction !== 'idle') session.transaction = 'failed'
      return { code: '22012' }
    },
  }
}

/** Makes the COMMIT of its transaction wait for the gate. */
function gatedInsert(gate: number): Statement {
  return {
    name: 'gated INSERT',
    text: () => `INSERT INTO gated VALUES (${gate})`,
    apply: () => ({ commands: ['INSERT'] }),
  }
}

/** Sends a statement that stays under way. Returns once the server is at it. */
export async function takeOff(
  world: World,
  owner: Owner,
  kind = world.random.pick(['INSERT', 'INSERT', 'failure', 'COMMIT']),
): Promise<void> {
  const { database } = world
  const session = sessionOf(owner)
  const gate = world.nextGate()
  await database.query('SELECT pg_advisory_lock($1)', [gate])
  let statement = kind === 'failure' ? slowFailure(gate) : slowInsert(gate)
  if (kind === 'COMMIT' && session.transaction === 'open' && !session.doomed) {
    await execute(world, owner, gatedInsert(gate))
    statement = commit
  }
  const tag = world.nextTag(owner.name)
  const rows = statement === commit ? [...session.pending] : session.transaction === 'idle' ? [tag] : []
  const answered = send(session.client, statement, tag, 'callback', () => flight.onAnswer())
  const flight: Flight = { owner, session, gate, statement, tag, answered, rows, onAnswer: () => {} }
  owner.work = 'query'
  world.flights.set(owner, flight)
  for (let isAtIt = false; !isAtIt; ) {
    const { rows } = await database.query(
      `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid = $1`,
      [serverPid(session.client)],
    )
    isAtIt = rows.length > 0
  }
  world.note(`${owner.name}: ${statement.name} ${tag} is under way`)
}

/** Opens the gate: the statement comes to its end. */
export async function land(world: World, flight: Flight): Promise<void> {
  const { owner, session, statement, tag } = flight
  const { model } = world
  const openedAt = model.now
  world.flights.delete(owner)
  await openGate(world, flight)
  const answer = await within(flight.answered, `${statement.name} of ${owner.name} is answered`)
  const expected = model.apply(session, statement, tag)
  owner.work = 'none'
  const holder = model.holding.find((other) => other.session === session)
  // ReadyForQuery comes before a result and after an error.
  if (holder !== undefined) holder.idleSince = 'code' in expected ? model.now : openedAt
  noteAnswer(world, `${owner.name}: ${statement.name} ${tag}`, answer, describeAnswer(expected))
}

/** The statement's connection was cut, by its owner, by the server or by a remedy. */
export async function crash(world: World, flight: Flight, ...expected: string[]): Promise<void> {
  const { owner, statement, tag } = flight
  world.flights.delete(owner)
  owner.work = 'none'
  const answer = await within(flight.answered, `${statement.name} of ${owner.name} is answered`)
  noteAnswer(world, `${owner.name}: ${statement.name} ${tag}`, answer, ...expected)
  await openGate(world, flight)
}

/** The same where the server may have got to the end of the statement first. */
export async function crashUnseen(world: World, flight: Flight, expected: string): Promise<void> {
  notePossible(world, flight)
  await crash(world, flight, expected)
}

/** A statement of its own transaction may have been committed, though nobody was told. */
export function notePossible(world: World, { rows }: Flight): void {
  for (const row of rows) world.model.rows.possible.add(row)
}

export function flightOf(world: World, owner: Owner): Flight {
  const flight = world.flights.get(owner)
  if (flight === undefined) throw new Error(`${owner.name} has no statement under way`)
  return flight
}

/** Statements that a remedy has put an end to. */
export async function collectBroken(world: World): Promise<void> {
  for (const flight of [...world.flights.values()]) {
    const { owner } = flight
    if (owner.work !== 'none') continue
    const code = owner.fenced ? 'LIFEGUARD_TRANSACTION_ROLLED_BACK' : 'LIFEGUARD_SESSION_DESTROYED'
    await crash(world, flight, `error ${code}`)
  }
}

export async function openGate(world: World, { gate }: Flight): Promise<void> {
  await world.database.query('SELECT pg_advisory_unlock($1)', [gate])
}
