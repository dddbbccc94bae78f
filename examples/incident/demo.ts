/**
 * The story: a route forgets a transaction, and migrations queue behind it. First the lifeguard observes, then it
 * enforces. Whatever is told is checked; the exit code is 0 only if all of it is so.
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { relative } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { inspect, isDeepStrictEqual } from 'node:util'
import pg from 'pg'
import type { Finding } from 'pg-lifeguard'
import { pageHandler } from 'pg-lifeguard/page'
import { startServer } from '../../test/support/embedded-server.ts'
import { lockQueue, type QueuedSession } from './lock-queue.ts'
import { addedColumns, columnNames } from './migrations.ts'
import { BrokenClaim, createNarrator } from './narrator.ts'
import { atStandstill, type Circumstances, get, type Standstill } from './standstill.ts'

/** Short, for who watches; long against the time that the migrations need to queue up. */
const limitMillis = 2_500
/** Nothing of this takes as long, not even on a busy machine. */
const patienceMillis = 20_000

const appFile = fileURLToPath(new URL('app.ts', import.meta.url))
const narrator = createNarrator(process.stdout)
const { scene, say, code, table, claim } = narrator
const interruption = new AbortController()

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Not `once`: npm and tsx pass on what the terminal has sent to everybody, and the second must not end us half-closed.
  process.on(signal, () => interruption.abort(signal))
}
try {
  if (process.argv.includes('--page')) await showPage()
  else await tell()
} catch (error) {
  const { aborted, reason } = interruption.signal
  if (aborted) console.error(`\nEnded by ${reason}. Everything is closed.`)
  else
    console.error(`\nThe demo has failed. ${error instanceof BrokenClaim ? error.message : inspect(error)}`)
  process.exitCode = !aborted ? 1 : reason === 'SIGINT' ? 130 : 143
}

async function tell(): Promise<void> {
  narrator.title('One forgotten transaction, three stuck migrations')
  await using server = await startServer()
  interruption.signal.throwIfAborted()
  const observer = new pg.Client({ connectionString: server.url, application_name: 'observer' })
  await observer.connect()
  try {
    say(`An incident is replayed here, on a PostgreSQL ${server.version} of its own. A web service answers
      GET /datasets/:id. The route opens a transaction; if there is no such dataset, it answers 404 and returns. The
      transaction stays open, and its client is never released. Nobody notices: the answer is right, and the
      transaction has only read. Until somebody wants to change the table.`)
    const observed = await observe(server.url, observer)
    const enforced = await enforce(server.url, observer)
    summarise(observed, enforced)
  } finally {
    await observer.end()
  }
}

/** Leaves the incident running, with the live page to look at it. */
async function showPage(): Promise<void> {
  narrator.title('The incident, on the live page')
  await using server = await startServer()
  interruption.signal.throwIfAborted()
  const observer = new pg.Client({ connectionString: server.url, application_name: 'observer' })
  await observer.connect()
  try {
    await atStandstill(circumstances('observe', server.url, observer), async ({ service }) => {
      const page = pageHandler(service.lifeguard, { title: 'datasets-api', database: server.url })
      const pages = http.createServer((request, response) => page(request, response)).listen(0, '127.0.0.1')
      await once(pages, 'listening')
      say(`A route has forgotten its transaction, and three migrations and a reader wait behind it. Look at it, and end it
        with Ctrl-C:`)
      code(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`)
      await once(interruption.signal, 'abort')
      pages.closeAllConnections()
      pages.close()
    })
  } finally {
    await observer.end()
  }
}

async function observe(databaseUrl: string, observer: pg.Client): Promise<Finding> {
  scene('1. The lifeguard observes')
  say("The service starts, and a lifeguard watches its pool, in mode 'observe'.")
  return await atStandstill(circumstances('observe', databaseUrl, observer), async (standstill) => {
    const { service, queue, first } = standstill
    const { pid } = tellStandstill(standstill)
    tellQueue(queue)

    say(`No error, no load, no line in a log, and nothing moves. Here is the lifeguard, whose limit for an idle
      transaction is ${seconds(limitMillis)} in this demo:`)
    const finding = await listening(() => first('finding', 'idle-transaction'))
    await claimPlace(finding, pid)
    claim('It has touched nothing: to observe is to report.', finding.outcome === undefined, finding)

    await pause(1_000, undefined, { signal: interruption.signal })
    const stuck = (await lockQueue(observer)).filter(({ waitsFor }) => waitsFor.length > 0)
    claim('One second later, the three migrations and the reader still wait.', stuck.length === 4, stuck)

    say(`So somebody has to end that session by hand, as in the incident, where it had to be found first. The report has
      named it, and the line to repair:`)
    code(`SELECT pg_terminate_backend(${pid})`)
    await listening(async () => {
      await observer.query('SELECT pg_terminate_backend($1)', [pid])
      return await first('finding', 'session-killed')
    })
    await claimThrough(standstill, observer)
    const { totalCount, idleCount } = service.pool
    claim(
      `The route still has its client, though: of the ${totalCount} in the service's pool, ${idleCount} are left.`,
      idleCount === totalCount - 1,
      { totalCount, idleCount },
    )
    return finding
  })
}

async function enforce(databaseUrl: string, observer: pg.Client): Promise<Finding> {
  scene('2. The same again, and the lifeguard enforces')
  say("The service starts with one word changed, mode: 'enforce'.")
  return await atStandstill(circumstances('enforce', databaseUrl, observer), async (standstill) => {
    const { service, first } = standstill
    const { pid } = tellStandstill(standstill)

    say(`Again everything stands still, for ${seconds(limitMillis)}:`)
    const finding = await listening(() => first('finding', 'idle-transaction'))
    await claimPlace(finding, pid)
    claim('The lifeguard has rolled the transaction back.', finding.outcome === 'rolled-back', finding)
    await claimThrough(standstill, observer)

    say(
      'The route still has its client, and will never release it. One limit later, the lifeguard takes it back:',
    )
    const { outcome } = await listening(() => first('remedied', 'idle-transaction'))
    claim(
      'The forgotten session is closed, and its slot in the pool is free.',
      outcome === 'destroyed',
      outcome,
    )

    const answers = await Promise.all([1, 2, 3, 42].map((id) => get(`${service.url}/v2/datasets/${id}`)))
    claim(
      'The correct twin of the route, GET /v2/datasets/:id, answers the same requests, the 404 included.',
      isDeepStrictEqual(answers, [200, 200, 200, 404]),
      answers,
    )
    const { totalCount, idleCount, waitingCount } = service.pool
    claim(
      `The pool is whole: all its ${totalCount} clients are idle, and nobody waits for one.`,
      idleCount === totalCount && waitingCount === 0,
      { totalCount, idleCount, waitingCount },
    )
    const { findings } = service.lifeguard.snapshot()
    claim('Nothing else was found, and nothing in the correct twin.', findings.length === 1, findings)
    return finding
  })
}

/** @returns the session that the route has forgotten */
function tellStandstill({ answers, migrations, queue }: Standstill): QueuedSession {
  say('Traffic hits the service. Then three migrations start, and after them one more request:')
  claim(
    `GET /datasets/:id has answered ${answers[200]} requests with 200 and one with 404.`,
    isDeepStrictEqual(answers, { 200: answers[200], 404: 1 }),
    answers,
  )
  const [forgotten, ...waiting] = queue
  const changing = waiting.slice(0, -1)
  const reading = waiting.at(-1)
  if (forgotten === undefined || reading === undefined) throw new Error('nobody waits for anybody')
  claim(
    `Session ${forgotten.pid} of the service is idle in a transaction, and waits for nobody.`,
    forgotten.name === 'datasets-api' &&
      forgotten.state === 'idle in transaction' &&
      forgotten.waitsFor.length === 0,
    forgotten,
  )
  const names = changing.map(({ name }) => name)
  claim(
    `${names.join(', ')}, each an ALTER TABLE, wait for it.`,
    isDeepStrictEqual(
      names,
      migrations.map(({ name }) => name),
    ) && changing.every(({ waitsFor }) => waitsFor.includes(forgotten.pid)),
    changing,
  )
  claim(
    'GET /v2/datasets/1 only reads, and waits for the migrations. Now users notice.',
    reading.name === 'datasets-api' && changing.every(({ pid }) => reading.waitsFor.includes(pid)),
    reading,
  )
  return forgotten
}

function tellQueue(queue: readonly QueuedSession[]): void {
  say('In the words of the server, pg_stat_activity and pg_blocking_pids:')
  table([
    ['pid', 'who', 'state', 'waits for', 'statement'],
    ...queue.map(({ pid, name, state, waitsFor, statement }) => [
      String(pid),
      name,
      state,
      waitsFor.join(' ') || 'nobody',
      statement,
    ]),
  ])
}

/** The place must be the one in the TypeScript source, whatever has been made of that to run it. */
async function claimPlace({ origin, checkout }: Finding, pid: number): Promise<void> {
  const source = (await readFile(appFile, 'utf8')).split('\n')
  const lines = source.flatMap((text, index) => (text.includes('pool.connect()') ? [index + 1] : []))
  claim(
    `The report names the line where the route got its client: ${relative(process.cwd(), appFile)}:${lines}.`,
    lines.length === 1 && origin?.file === appFile && origin.line === lines[0],
    { origin, lines },
  )
  claim(`It names session ${pid}, the one that everybody waits for.`, checkout.pid === pid, checkout)
}

async function claimThrough({ migrations, answer }: Standstill, observer: pg.Client): Promise<void> {
  await within('the migrations', Promise.all(migrations.map(({ done }) => done)))
  const columns = await addedColumns(observer)
  claim(
    `The three migrations are through: datasets has ${columns.join(', ')}.`,
    isDeepStrictEqual(columns, columnNames),
    columns,
  )
  const status = await within('the answer to the reader', answer)
  claim(`The reader has its answer, ${status}.`, status === 200, status)
}

function summarise(observed: Finding, enforced: Finding): void {
  scene('What was found')
  const { kind, origin, hint } = enforced
  say(`${kind} at ${relative(process.cwd(), origin?.file ?? '')}:${origin?.line}: ${hint}.`)
  table([
    ['mode', 'the lifeguard', 'the migrations'],
    [
      'observe',
      `reported it after ${seconds(observed.checkout.idleMillis)}`,
      'stuck until somebody ended the session',
    ],
    [
      'enforce',
      `rolled it back after ${seconds(enforced.checkout.idleMillis)}`,
      'went through, and the pool is whole',
    ],
  ])
  say(
    `The same route done right is GET /v2/datasets/:id, in the same file. All ${narrator.claims} claims of this story were
    checked while it was told.`,
  )
}

function circumstances(mode: 'observe' | 'enforce', databaseUrl: string, observer: pg.Client): Circumstances {
  return {
    mode,
    databaseUrl,
    idleTransactionMillis: limitMillis,
    observer,
    interruption: interruption.signal,
  }
}

/** Leaves the floor to the lifeguard, whose reporter writes to stderr, until `event` has come. */
async function listening(event: () => Promise<Finding>): Promise<Finding> {
  narrator.handOver('the lifeguard reports')
  const finding = await within('a word of the lifeguard', event())
  narrator.takeBack()
  return finding
}

async function within<Result>(what: string, promise: Promise<Result>): Promise<Result> {
  const settled = new AbortController()
  const signal = AbortSignal.any([settled.signal, interruption.signal])
  const timeout = pause(patienceMillis, undefined, { signal }).then(() => {
    throw new Error(`waited ${seconds(patienceMillis)} for ${what}, in vain`)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    settled.abort()
  }
}

function seconds(millis: number): string {
  return `${(millis / 1000).toFixed(1).replace('.0', '')} s`
}
