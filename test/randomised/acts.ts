import type pg from 'pg'
import { serverPid } from './aftermath.ts'
import type { Model } from './model.ts'
import type { Owner, PooledSession } from './owners.ts'
import { describeAnswer, type Shape, scriptShapes, send, shapes } from './sending.ts'
import * as sql from './server-session.ts'
import { commit, ExpectedRows, type Statement, type Tag } from './server-session.ts'
import { until, within } from './waiting.ts'
import type { World } from './world.ts'

const releasedTwice = 'Release called on client which has already been released to the pool.'

type Release = (error?: Error | boolean) => void

/** Asks the pool for a client. `onArrival` runs in the pool's own callback. */
export function connect(
  world: World,
  shape: 'promise' | 'callback',
  onArrival?: (owner: Owner) => void,
): Owner {
  const { pool, model } = world
  const queued = model.holding.length + world.requests.length >= model.max
  const owner = model.newOwner('connect', queued)
  let client: pg.PoolClient | undefined
  const arrived = (arrival: pg.PoolClient, release: Release) => {
    client = arrival
    world.releases.set(owner, release)
    world.watcher?.identify(owner, arrival as unknown as pg.Client)
    onArrival?.(owner)
  }
  const answered =
    shape === 'promise'
      ? pool.connect().then((arrival) => arrived(arrival, arrival.release))
      : new Promise<void>((resolve, reject) => {
          pool.connect((error, arrival, release) => {
            if (error || arrival === undefined) return reject(error)
            arrived(arrival, release)
            resolve()
          })
        })
  // Whoever still waits when a run has failed is not waited for.
  answered.catch(() => {})
  if (queued && owner.watched) world.watcher?.identify(owner)
  world.note(`${owner.name} connects (${shape}${queued ? ', has to wait' : ''})`)
  world.requests.push({
    owner,
    answered,
    served() {
      if (onArrival !== undefined && model.sessions.get(client as unknown as pg.Client)?.gone === true) {
        // It has come and gone, and with it the client, which had been used often enough.
        owner.phase = 'over'
        return
      }
      const session = model.arrived(owner, client as unknown as pg.Client)
      world.note(`${owner.name} has client ${world.ordinal(session.client)}`)
      if (onArrival !== undefined) model.released(owner, false)
    },
  })
  return owner
}

export function sessionOf(owner: Owner): PooledSession {
  if (owner.session === undefined) throw new Error(`${owner.name} has no client`)
  return owner.session
}

export function clientOf(owner: Owner): pg.Client {
  return sessionOf(owner).client
}

export function pickShape(world: World, statement: Statement): Shape {
  return world.random.pick(statement.script === true ? scriptShapes : shapes)
}

/** The owner sends a statement and awaits the answer. */
export async function execute(world: World, owner: Owner, statement: Statement): Promise<void> {
  const tag = world.nextTag(owner.name)
  const shape = pickShape(world, statement)
  const answered = send(clientOf(owner), statement, tag, shape)
  const expected = world.model.execute(owner, statement, tag)
  const answer = await within(answered, `${owner.name} has an answer to ${statement.text(tag)}`)
  const foreseen = [describeAnswer(expected)]
  // A guard that has been taken off need not explain any more what it did to a session that is closed.
  if (owner.phase === 'destroyed' && !owner.watched) foreseen.push('error not queryable')
  noteAnswer(world, `${owner.name}: ${statement.name} ${tag} (${shape})`, answer, ...foreseen)
}

/** Writes down what the program sees, and stops the run if it is not what PostgreSQL and the guard owe it. */
export function noteAnswer(world: World, what: string, answer: string, ...expected: string[]): void {
  world.note(`${what} -> ${answer}`)
  const [foreseen] = answer.split(' | ')
  if (foreseen === undefined || !expected.includes(foreseen)) {
    throw new Error(`${what} was answered with "${answer}", not "${expected.join('" or "')}"`)
  }
}

/** Calls the owner's release and checks whether it throws. */
export function callRelease(world: World, owner: Owner, argument?: Error | boolean): void {
  const release = world.releases.get(owner)
  if (release === undefined) throw new Error(`${owner.name} has no release`)
  const again = owner.phase === 'over'
  let thrown = ''
  try {
    // Through the client, as most programs do, or as the function that a callback was given.
    if (!again && owner.phase === 'holding' && world.random.chance(0.5)) {
      ;(clientOf(owner) as pg.PoolClient).release(argument)
    } else release(argument)
  } catch (error) {
    thrown = (error as Error).message
  }
  // Who waits for the client may get it, and release it, before this call returns: that is noted when it is served.
  if (owner.phase !== 'waiting') world.note(`${owner.name} releases (${argument ?? ''}) ${thrown}`)
  if (thrown !== (again ? releasedTwice : '')) throw new Error(`release of ${owner.name} threw "${thrown}"`)
}

/** The owner releases, in whatever state it is. */
export function release(world: World, owner: Owner, argument?: Error | boolean): void {
  callRelease(world, owner, argument)
  if (owner.phase === 'over') world.model.releasedAgain(owner)
  else world.model.released(owner, Boolean(argument))
}

/** A statement is answered, and the owner releases in the very callback: before the server has said that it is ready. */
export async function executeAndRelease(world: World, owner: Owner, statement: Statement): Promise<void> {
  const { model, random } = world
  const tag = world.nextTag(owner.name)
  const shape = random.pick(['callback', 'config callback', 'submittable'] as const)
  const answered = send(clientOf(owner), statement, tag, shape, () => callRelease(world, owner))
  const answer = await within(answered, `${owner.name} has an answer to ${statement.text(tag)}`)
  const expected = model.execute(owner, statement, tag)
  model.released(owner, false)
  noteAnswer(
    world,
    `${owner.name}: ${statement.name} ${tag} (${shape}, released in it)`,
    answer,
    describeAnswer(expected),
  )
}

/** Releases while statements are under way that nobody has awaited. */
export async function releaseUnawaited(world: World, owner: Owner, statements: Statement[]): Promise<void> {
  const { model } = world
  const session = sessionOf(owner)
  const isDestroyed = owner.watched && model.remedies['busy-release'] === 'destroy'
  const sent = statements.map((statement) => {
    const tag = world.nextTag(owner.name)
    return { statement, tag, answered: send(session.client, statement, tag, pickShape(world, statement)) }
  })
  callRelease(world, owner)
  const isClosed = isClosedByPool(world, session)
  if (isDestroyed || isClosed) risk(model, session, sent)
  owner.work = 'query'
  model.released(owner, false)
  if (isClosed) model.closed(session)
  // What others have left ends with their transaction; its own stands until its last statement is answered.
  const own = session.leftBy.filter((leaver) => leaver === owner)
  session.leftBy = session.leftBy.filter((leaver) => leaver !== owner)
  for (const { statement, tag, answered } of sent) {
    const what = `${owner.name}: ${statement.name} ${tag} (not awaited)`
    const answer = await within(answered, what)
    // Its own COMMIT may still be reported as lost, whoever has the client by now.
    if (owner.watched && statement === commit && answer.startsWith('ROLLBACK')) {
      model.awaited.push({ owner, kind: 'lost-commit', outcomes: [undefined], optional: true })
    }
    if (isDestroyed || isClosed) world.note(`${what} -> ${answer}`)
    else noteAnswer(world, what, answer, describeAnswer(model.apply(session, statement, tag)))
  }
  session.leftBy.push(...own)
  if (session.transaction === 'idle') model.cleaned(session)
  else if (owner.watched) session.inherited = true
  else session.murky = true
}

/** A pool closes a client that has been used so many times, even if it is busy. */
export function isClosedByPool({ pool }: World, { client }: PooledSession): boolean {
  return !pool._clients.includes(client)
}

/** Rows whose fate depends on how far statements get before their connection is cut. */
export function risk(
  model: Model,
  session: PooledSession,
  statements: readonly { readonly statement: Statement; readonly tag: Tag }[],
): void {
  const imagined: PooledSession = { ...session, pending: [...session.pending], leftBy: [] }
  const rows = new ExpectedRows()
  for (const { statement, tag } of statements) statement.apply(imagined, rows, tag, model.now)
  for (const row of rows.certain) model.rows.possible.add(row)
}

/** An administrator ends the session. */
export async function terminate(world: World, session: PooledSession): Promise<void> {
  const owner = world.model.holding.find((holder) => holder.session === session)
  // Without a guard the program has to listen itself, or the process ends.
  if (owner?.watched === false) session.client.on('error', () => {})
  await world.database.terminate(serverPid(session.client))
  await until(() => hasEnded(session.client), 'the client learns that its session was ended')
  world.note(`the server ends the session of client ${world.ordinal(session.client)}`)
}

/** The network loses the connection, of which the server may learn later. */
export async function loseSocket(world: World, session: PooledSession): Promise<void> {
  const owner = world.model.holding.find((holder) => holder.session === session)
  if (owner?.watched === false) session.client.on('error', () => {})
  const { connection } = session.client as unknown as { connection: { stream: { destroy(): void } } }
  connection.stream.destroy()
  await until(() => hasEnded(session.client), 'the client learns that its connection was lost')
  world.note(`the connection of client ${world.ordinal(session.client)} is lost`)
}

/** What the owner finds in its session is what the model says that was left there. */
export async function readState(world: World, owner: Owner): Promise<void> {
  const session = sessionOf(owner)
  const { text } = sql.readState
  const answered = session.client.query<{ state: string }>(text(''))
  world.model.execute(owner, sql.readState, '')
  const { rows } = await within(answered, `${owner.name} reads its session's state`)
  const [row] = rows
  world.note(`${owner.name}: the state of its session -> "${row?.state}"`)
  if (row?.state !== (session.state ?? ''))
    throw new Error(`${owner.name} finds the state "${row?.state}", not "${session.state ?? ''}"`)
}

export function hasEnded(client: pg.Client): boolean {
  return (client as unknown as { _ended: boolean })._ended
}
