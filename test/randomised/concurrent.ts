import type pg from 'pg'
import {
  createLifeguard,
  type Finding,
  type Lifeguard,
  type ManualClock,
  manualClock,
} from '../../src/index.ts'
import type { TestDatabase } from '../support/database.ts'
import {
  checkClient,
  checkIdleInTransaction,
  checkRestored,
  checkRows,
  cleanUp,
  closeForGood,
  collectCrashes,
  type OpenPool,
  prepareTables,
  serverPid,
  untilNoSessionIsLeft,
  untilPoolIsWhole,
} from './aftermath.ts'
import { drivers } from './drivers.ts'
import { RunError } from './failure.ts'
import { addListeners } from './listeners.ts'
import { type Life, lives } from './lives.ts'
import { limits } from './owners.ts'
import { type Random, seededRandom } from './random.ts'
import { ExpectedRows } from './server-session.ts'
import { nextTurn, until, within } from './waiting.ts'

export interface CrowdOptions {
  readonly seed: number
  readonly mode: 'observe' | 'enforce'
  readonly database: TestDatabase
  /** Only what a correct program does, while no limit passes and nobody ends a session. */
  readonly correct: boolean
  /** How many lives are lived in all. */
  readonly lives: number
}

/** Several owners at once on one pool. What exactly happens is not foreseen; what must hold in the end is. */
export class Crowd {
  readonly random: Random
  readonly clock: ManualClock = manualClock(1_000)
  readonly rows = new ExpectedRows()
  readonly pool: OpenPool
  readonly correct: boolean
  /** Rows that an owner left in an open transaction may become anybody's. */
  readonly leftoversAreSafe: boolean
  lifeguard: Lifeguard
  readonly transcript: string[] = []
  readonly clients: pg.Client[] = []
  readonly #mode: CrowdOptions['mode']
  readonly #changesGuard: boolean
  readonly #found = new Map<string, Finding>()
  readonly #resolved = new Set<string>()
  /** What a listener throws would only become a warning. */
  readonly #complaints: string[] = []
  #unwatch: () => void
  #isOver = false
  #guards = 0
  #tags = 0

  constructor({ seed, mode, database, correct }: CrowdOptions) {
    this.random = seededRandom(seed)
    this.#mode = mode
    this.correct = correct
    const { random } = this
    const driver = random.pick(drivers)
    const pipeline = driver.pipelines && random.chance(0.15)
    const max = 1 + random.below(4)
    this.#changesGuard = random.chance(0.3)
    this.leftoversAreSafe = mode === 'enforce' && !this.#changesGuard
    const settings = {
      max,
      maxUses: random.chance(0.2) ? 1 + random.below(6) : Number.POSITIVE_INFINITY,
      idleTimeoutMillis: random.chance(0.3) ? 1 + random.below(20) : 0,
      connectionTimeoutMillis: !correct && random.chance(0.3) ? 20 + random.below(60) : 0,
      pipeline,
    }
    this.transcript.push(`${driver.version} ${JSON.stringify(settings)}`)
    this.pool = driver.pool({
      ...database.config,
      ...settings,
      application_name: `crowd ${mode}`,
      onClient: (client) => this.clients.push(client),
      onQuery: () => {},
    }) as OpenPool
    this.pool.on('error', () => {})
    this.transcript.push(addListeners(this.pool, random).description)
    // While no guard is on, the program has to listen itself.
    if (this.#changesGuard) this.pool.on('connect', (client) => client.on('error', () => {}))
    this.lifeguard = this.#newLifeguard()
    this.#unwatch = this.lifeguard.watch(this.pool)
  }

  note(line: string): void {
    this.transcript.push(line)
  }

  nextTag(): string {
    this.#tags += 1
    return `t${this.#tags}`
  }

  /** Waits until the clock, which somebody else moves on, has passed that much. */
  async sleep(millis: number): Promise<void> {
    const end = this.clock.now() + millis
    while (this.clock.now() < end && !this.#isOver) await nextTurn()
  }

  async live(total: number): Promise<void> {
    const { random } = this
    const possible = lives.filter(({ isCorrect }) => isCorrect || !this.correct)
    let left = total
    const flow = async (name: string) => {
      for (let lived = 1; left > 0; lived++) {
        left -= 1
        const life: Life = random.pickWeighted(possible)
        this.note(`${name}.${lived} ${life.name}`)
        await life.live(this)
        if (random.chance(0.3)) await nextTurn()
      }
      this.note(`${name} is over`)
    }
    const flows = Array.from({ length: 2 + random.below(5) }, (_, index) => flow(`owner ${index}`))
    const weather = this.correct ? Promise.resolve() : this.#weather()
    await within(Promise.all(flows), 'every owner comes to an end', 180_000)
    this.stop()
    await weather
  }

  /** Nobody waits for the clock any more, and it stands still. */
  stop(): void {
    this.#isOver = true
  }

  /** Time passes, administrators end sessions, guards come and go. */
  async #weather(): Promise<void> {
    const { random, clock } = this
    while (!this.#isOver) {
      clock.advance(10 + random.below(90))
      for (let turns = random.below(6); turns >= 0; turns--) await nextTurn()
      if (random.chance(0.01)) await this.#kill()
      if (random.chance(0.005)) await this.#restart()
      if (this.#changesGuard && random.chance(0.01)) await this.#changeGuard()
    }
  }

  async #kill(): Promise<void> {
    const { clients } = this
    const open = clients.filter(
      (client) => serverPid(client) && !(client as unknown as { _ended: boolean })._ended,
    )
    if (open.length === 0) return
    const pid = serverPid(this.random.pick(open))
    this.note(`the server ends session ${pid}`)
    await this.terminate(pid)
  }

  terminate: (pid: number) => Promise<unknown> = () => Promise.resolve()
  terminateAll: () => Promise<unknown> = () => Promise.resolve()

  /** Ends all sessions, those that are being opened included, as a restart of the server does. */
  async #restart(): Promise<void> {
    this.note('the server ends all sessions')
    for (let turns = this.random.below(4); turns >= 0; turns--) {
      await this.terminateAll()
      await nextTurn()
    }
  }

  async #changeGuard(): Promise<void> {
    const { random } = this
    this.#unwatch()
    this.note('unwatched')
    if (random.chance(0.3)) {
      await within(this.lifeguard.close(), 'lifeguard.close()')
      this.lifeguard = this.#newLifeguard()
    }
    if (random.chance(0.5)) await nextTurn()
    this.#unwatch = this.lifeguard.watch(this.pool)
    this.note('watched again')
  }

  #newLifeguard(): Lifeguard {
    const { clock } = this
    const lifeguard = createLifeguard({ mode: this.#mode, clock, limits, reporters: [] })
    this.#guards += 1
    const guard = this.#guards
    lifeguard.on('finding', (finding) => {
      const key = `${guard}:${finding.id}`
      if (this.#found.has(key)) this.#complaints.push(`${finding.kind} ${key} is reported twice`)
      this.#found.set(key, finding)
      this.note(`finding ${key} ${finding.kind} of checkout ${finding.checkout.id} ${finding.outcome ?? ''}`)
    })
    for (const event of ['remedied', 'resolved'] as const) {
      lifeguard.on(event, (finding) => {
        const key = `${guard}:${finding.id}`
        const before = this.#found.get(key)
        if (before === undefined && finding.kind !== 'double-release') {
          this.#complaints.push(`${event} of ${finding.kind} ${key}, which was not reported`)
        }
        if (this.#resolved.has(key) && finding.kind !== 'double-release') {
          this.#complaints.push(`${event} of ${finding.kind} ${key} after it resolved`)
        }
        this.#found.set(key, finding)
        if (event === 'resolved') this.#resolved.add(key)
      })
    }
    return lifeguard
  }

  /** One finding of a kind for a checkout at a time, and all of them resolved in the end. */
  checkFindings(): void {
    const [complaint] = this.#complaints
    if (complaint !== undefined) throw new Error(complaint)
    const found = [...this.#found.entries()]
    const { out, waiting } = this.lifeguard.snapshot().pools[0] ?? { out: 0, waiting: 0 }
    if (out + waiting > 0) throw new Error(`the snapshot counts ${out} checkouts and ${waiting} waiters`)
    if (this.correct) {
      for (const [, { kind, hint }] of found) throw new Error(`${kind} in a correct program: ${hint}`)
    }
    // What was open when the guard was taken off stays open, as far as it knows.
    if (this.#changesGuard) return
    for (const [key, { kind, resolvedAt }] of found) {
      if (resolvedAt === undefined && kind !== 'double-release')
        throw new Error(`${kind} ${key} has not resolved`)
    }
  }

  unwatch(): void {
    this.#unwatch()
  }
}

export async function runCrowd(options: CrowdOptions): Promise<void> {
  const { database, mode, seed } = options
  await prepareTables(database)
  const crowd = new Crowd(options)
  crowd.terminate = (pid) => database.terminate(pid)
  crowd.terminateAll = () =>
    database.query(
      `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    )
  using crashes = collectCrashes()
  try {
    await crowd.live(options.lives)
    crashes.throwFirst()
    await finish(crowd, options)
    crashes.throwFirst()
  } catch (error) {
    crowd.stop()
    crowd.note(describeClients(crowd.pool))
    await cleanUp(database, crowd.clients)
    throw new RunError(error, { seed, mode: `${mode}, crowd`, remedies: {}, transcript: crowd.transcript })
  } finally {
    for (const client of crowd.clients) closeForGood(client)
    await crowd.lifeguard.close()
  }
}

async function finish(crowd: Crowd, { database }: CrowdOptions): Promise<void> {
  const { pool, rows } = crowd
  await untilPoolIsWhole(pool)
  const alive = new Set((await database.sessions()).map(({ pid }) => pid))
  const isAlive = (client: pg.Client) => alive.has(serverPid(client))
  await until(() => pool._clients.every(isAlive), 'the pool learns which sessions were ended')
  if (crowd.leftoversAreSafe) await checkIdleInTransaction(database, [])
  // A short one has been of use before. From here on, a machine that is busy would only fail what is right.
  pool.options.connectionTimeoutMillis = 0
  const clients = await within(
    Promise.all(Array.from({ length: Number(pool.options.max) }, () => pool.connect())),
    'the pool gives out as many clients as it ever did',
  )
  for (const client of clients) await checkClient(client)
  for (const client of clients) client.release()
  await untilPoolIsWhole(pool)
  await until(() => crowd.lifeguard.snapshot().pools[0]?.out === 0, 'no checkout is left')
  crowd.checkFindings()
  crowd.unwatch()
  checkRestored(pool)
  await within(pool.end(), 'pool.end()')
  await untilNoSessionIsLeft(database)
  await checkRows(database, rows)
}

function describeClients(pool: OpenPool): string {
  const clients = pool._clients.map((client) => {
    const { readyForQuery, _ending, _ended, _queryable, _connected, _activeQuery, _queryQueue } =
      client as unknown as Record<string, unknown>
    const { text } = (_activeQuery ?? {}) as { text?: unknown }
    const queued = (_queryQueue as unknown[] | undefined)?.length
    const guarded = Object.hasOwn(client, 'query')
    return {
      pid: serverPid(client),
      readyForQuery,
      _ending,
      _ended,
      _queryable,
      _connected,
      text,
      queued,
      guarded,
    }
  })
  return `${pool.totalCount} in total, ${pool.idleCount} idle, ${pool.waitingCount} waiting: ${JSON.stringify(clients)}`
}
