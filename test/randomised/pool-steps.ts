import { callRelease, connect, loseSocket, noteAnswer, terminate } from './acts.ts'
import type { Model } from './model.ts'
import type { PooledSession } from './owners.ts'
import { describeAnswer, describeError } from './sending.ts'
import * as sql from './server-session.ts'
import { millisLeft, poolStep, type Step } from './steps.ts'
import { within } from './waiting.ts'
import type { World } from './world.ts'

/** More than this many waiting callers add nothing. */
const mostRequests = 3

function takesRequests(world: World): boolean {
  return world.requests.length < mostRequests
}

function hasRoom({ model, requests }: World): boolean {
  return model.holding.length < model.max && requests.length === 0
}

/** `pool.query`, which may have to wait like everybody else. */
function query(world: World, statement: sql.Statement): void {
  const { model, pool, random } = world
  const queued = model.holding.length + world.requests.length >= model.max
  const owner = model.newOwner('pool.query', queued)
  const tag = world.nextTag(owner.name)
  // The comment makes the text unique, so that the client that was sent it can be told.
  const text = `${statement.text(tag)} /* ${tag} */`
  const send = pool.query.bind(pool) as unknown as (...args: unknown[]) => unknown
  const answered = random.chance(0.5)
    ? (send(text) as Promise<unknown>).then(describeResult, describeError)
    : new Promise<string>((resolve) => {
        send(text, (error: unknown, result: unknown) =>
          resolve(error ? describeError(error) : describeResult(result)),
        )
      })
  if (queued && owner.watched) world.watcher?.identify(owner)
  world.note(`${owner.name}: pool.query(${text})${queued ? ' has to wait' : ''}`)
  let answer = ''
  void answered.then((described) => {
    answer = described
  })
  world.requests.push({
    owner,
    answered,
    served() {
      const session = model.arrived(owner, world.senderOf(text))
      const expected = model.apply(session, statement, tag)
      noteAnswer(
        world,
        `${owner.name} on client ${world.ordinal(session.client)}`,
        answer,
        describeAnswer(expected),
      )
      const failed = 'code' in expected
      if (failed || sql.opensTransaction(statement)) model.released(owner, failed)
      else model.passed(owner)
    },
  })
}

function describeResult(result: unknown): string {
  const results = (Array.isArray(result) ? result : [result]) as {
    command: string
    rowCount: number
    rows: unknown
  }[]
  return `${results.map(({ command }) => command).join(', ')} | ${JSON.stringify(results.map(({ rows }) => rows))}`
}

function queryStep(statement: sql.Statement, weight: number, correct: boolean): Step {
  return poolStep({ weight, when: takesRequests, correct, take: (world) => query(world, statement) })
}

const requests: Step[] = [
  poolStep({
    weight: 22,
    when: takesRequests,
    correct: true,
    take(world) {
      connect(world, world.random.pick(['promise', 'callback']))
    },
  }),
  // Asks for a client only to see whether the database is there.
  poolStep({
    weight: 2,
    when: takesRequests,
    correct: true,
    take(world) {
      connect(world, 'callback', (owner) => callRelease(world, owner))
    },
  }),
  queryStep(sql.select, 3, true),
  queryStep(sql.insertRow, 4, true),
  queryStep(sql.divide, 1, true),
  queryStep(sql.goodScript, 1, true),
  queryStep(sql.begin, 1.5, false),
  queryStep(sql.commit, 1, false),
  queryStep(sql.rollback, 1, false),
  queryStep(sql.failingScript, 1, false),
]

const helped: Step[] = [
  poolStep({ weight: 3, when: hasRoom, correct: true, take: (world) => runTransaction(world) }),
  poolStep({ weight: 2, when: hasRoom, correct: true, take: (world) => runSession(world) }),
]

/** `lifeguard.transaction`, with or without a failure. */
async function runTransaction(world: World): Promise<void> {
  const { model, random, lifeguard, pool } = world
  const owner = model.newOwner('connect', false)
  const tag = world.nextTag(owner.name)
  const last = random.pick([sql.insertRow, sql.divide, sql.insertOrphan, sql.select])
  const beginText = 'BEGIN ISOLATION LEVEL READ COMMITTED'
  const answered = lifeguard
    .transaction(
      pool,
      async (client) => {
        await client.query(sql.insertRow.text(tag))
        await client.query(last.text(`${tag}-2`))
        return 'done'
      },
      { isolation: 'read committed' },
    )
    .catch(describeError)
  const answer = await within(answered, 'lifeguard.transaction comes to its end')
  const session = model.arrived(owner, world.senderOf(beginText))
  const expected = foresee(model, session, [
    [sql.begin, tag],
    [sql.insertRow, tag],
    [last, `${tag}-2`],
    [sql.commit, tag],
  ])
  model.released(owner, false)
  // After a COMMIT that fails ROLLBACK is needed only if the server has not said yet that the transaction is over.
  if (expected === 'error 23503') world.forgetLast(session.client, 'ROLLBACK')
  noteAnswer(world, `${owner.name} on client ${world.ordinal(session.client)}: transaction`, answer, expected)
}

/** The answer to statements of which the first failure is the last, and is followed by ROLLBACK. */
function foresee(model: Model, session: PooledSession, statements: [sql.Statement, sql.Tag][]): string {
  for (const [statement, tag] of statements) {
    const answer = model.apply(session, statement, tag)
    if (!('code' in answer)) continue
    sql.discard(session)
    model.cleaned(session)
    return describeAnswer(answer)
  }
  return 'done'
}

/** `lifeguard.session`, left with its transaction open. */
async function runSession(world: World): Promise<void> {
  const { model, lifeguard, pool } = world
  const owner = model.newOwner('connect', false)
  const tag = world.nextTag(owner.name)
  const text = sql.select.text(tag)
  const answered = (async () => {
    await using session = await lifeguard.session(pool)
    await session.client.query(text)
    await session.client.query('BEGIN')
    await session.client.query(sql.insertRow.text(tag))
    return 'done'
  })().catch(describeError)
  const answer = await within(answered, 'lifeguard.session comes to its end')
  const session = model.arrived(owner, world.senderOf(text))
  const first = model.apply(session, sql.select, tag)
  sql.discard(session)
  model.cleaned(session)
  model.released(owner, false)
  const expected = 'code' in first ? describeAnswer(first) : 'done'
  noteAnswer(world, `${owner.name} on client ${world.ordinal(session.client)}: session`, answer, expected)
}

const surroundings: Step[] = [
  poolStep({
    weight: 12,
    when: (world) => !world.correct || millisLeft(world) > 0,
    correct: true,
    async take(world) {
      const { random } = world
      const millis = 10 + random.below(random.chance(0.3) ? 2500 : 500)
      const passing = world.correct ? Math.min(millis, millisLeft(world)) : millis
      world.note(`${passing} ms pass`)
      await world.pass(passing)
    },
  }),
  poolStep({
    weight: 1.5,
    when: (world) => idleSessions(world).length > 0,
    correct: false,
    async take(world) {
      const session = world.random.pick(idleSessions(world))
      await world.random.pick([terminate, loseSocket])(world, session)
      world.model.closed(session)
    },
  }),
  poolStep({
    weight: 1.5,
    when: () => true,
    correct: true,
    async take(world) {
      const { random } = world
      const changes = random.below(4)
      world.note(['watch', 'unwatch', 'unwatch and watch', 'a new lifeguard'][changes] ?? '')
      if (changes === 0) world.watch()
      else if (changes === 1) world.unwatch()
      else {
        if (changes === 2) world.unwatch()
        else await world.renewLifeguard()
        world.watch()
      }
    },
  }),
]

function idleSessions({ model }: World): PooledSession[] {
  const held = new Set(model.holding.map(({ session }) => session))
  return [...model.sessions.values()].filter((session) => !session.gone && !held.has(session))
}

export const poolSteps: readonly Step[] = [...requests, ...helped, ...surroundings]
