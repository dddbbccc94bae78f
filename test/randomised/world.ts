import type pg from 'pg'
import type { RemedyByKind } from '../../src/core/findings/possible-remedies.ts'
import {
  createLifeguard,
  type Lifeguard,
  type ManualClock,
  manualClock,
  type Remedy,
} from '../../src/index.ts'
import type { TestDatabase } from '../support/database.ts'
import { compareSnapshot, type OpenPool } from './aftermath.ts'
import type { Cursor } from './cursors.ts'
import { drivers } from './drivers.ts'
import { collectBroken, type Flight } from './flights.ts'
import { GuardWatcher } from './guard-watcher.ts'
import { addListeners } from './listeners.ts'
import { Model } from './model.ts'
import { limits, type Owner } from './owners.ts'
import { type Random, seededRandom } from './random.ts'
import type { Tag } from './server-session.ts'
import { nextTurn, until, within } from './waiting.ts'

/** `bare`: no guard at all, for comparison. */
export type Mode = 'bare' | 'observe' | 'enforce'

export interface WorldOptions {
  readonly seed: number
  readonly mode: Mode
  readonly database: TestDatabase
  /** Only steps that a correct program takes. */
  readonly correct: boolean
}

/** Somebody who asks for a client: comes to an end once the pool has one to give. */
export interface Request {
  readonly owner: Owner
  readonly answered: Promise<unknown>
  /** Tells the model. */
  served(): void
}

/** A pool with its guard, the clock that both live by, and the model of what ought to happen. */
export class World {
  readonly seed: number
  readonly mode: Mode
  readonly correct: boolean
  readonly database: TestDatabase
  readonly random: Random
  readonly clock: ManualClock = manualClock(1_000)
  readonly model: Model
  readonly pool: OpenPool
  readonly watcher: GuardWatcher | undefined
  readonly pipeline: boolean
  /** What the program has seen, step by step: the same with and without a guard that only observes. */
  readonly transcript: string[] = []
  /** The statements that reached each client, by the client's number. */
  readonly sent: string[][] = []
  /** For what does not depend on a watched pool; replaced when it is closed. */
  lifeguard: Lifeguard
  requests: Request[] = []
  readonly releases = new WeakMap<Owner, (error?: Error | boolean) => void>()
  readonly #clients = new Map<pg.Client, number>()
  readonly #senders = new Map<string, pg.Client>()
  /** Statements that the server holds up, and cursors that are open. */
  readonly flights = new Map<Owner, Flight>()
  readonly cursors = new Map<Owner, Cursor>()
  #tags = 0
  #gates = 0
  #unwatch: (() => void) | undefined

  constructor({ seed, mode, database, correct }: WorldOptions) {
    this.seed = seed
    this.mode = mode
    this.correct = correct
    this.database = database
    this.random = seededRandom(seed)
    // The pool is the same for every mode; what only one mode needs must not shift the rest.
    const shape = seededRandom(seed ^ 0x5eed)
    const driver = shape.pick(drivers)
    this.pipeline = driver.pipelines && shape.chance(0.15)
    const max = 1 + shape.below(4)
    const maxUses = !this.pipeline && shape.chance(0.2) ? 1 + shape.below(6) : Number.POSITIVE_INFINITY
    this.pool = driver.pool({
      ...database.config,
      max,
      maxUses,
      idleTimeoutMillis: 0,
      application_name: `randomised ${mode}`,
      pipeline: this.pipeline,
      onClient: (client) => this.#number(client),
      onQuery: (client, text) => this.#noteSent(client, text),
    }) as OpenPool
    this.pool.on('error', () => {})
    // What the guard does for a checked-out client the program has to do itself. To a guard, a listener would say that the
    // program sets its sessions up.
    if (mode === 'bare') this.pool.on('connect', (client) => client.on('error', () => {}))
    const { description, setsUp } = addListeners(this.pool, shape)
    this.transcript.push(`${driver.version}${this.pipeline ? ', pipeline' : ''}, max ${max}${description}`)
    this.model = new Model(max, {
      closesClients: Number.isFinite(maxUses),
      setsUp,
      freesSlots: mode === 'enforce',
      remedies: remediesOf(mode, seed),
    })
    this.lifeguard = this.#createLifeguard()
    this.watcher = mode === 'bare' ? undefined : new GuardWatcher(this.model)
    this.watch()
  }

  get guarded(): boolean {
    return this.model.guard !== 0
  }

  note(line: string): void {
    this.transcript.push(line)
  }

  nextTag(owner: string): Tag {
    this.#tags += 1
    return `${owner}-${String(this.#tags).padStart(5, '0')}`
  }

  nextGate(): number {
    this.#gates += 1
    return this.#gates
  }

  #createLifeguard(): Lifeguard {
    return createLifeguard({
      mode: this.mode === 'enforce' ? 'enforce' : 'observe',
      clock: this.clock,
      limits,
      remedies: remediesOf(this.mode, this.seed),
      reporters: [],
    })
  }

  watch(): void {
    if (this.watcher === undefined || this.guarded) return
    this.model.guard = this.watcher.follow(this.lifeguard)
    this.#unwatch = this.lifeguard.watch(this.pool, { name: 'main' })
  }

  unwatch(): void {
    this.#unwatch?.()
    this.#dismiss()
  }

  async renewLifeguard(): Promise<void> {
    const { lifeguard } = this
    const closed = lifeguard.close()
    this.#dismiss()
    this.lifeguard = this.#createLifeguard()
    await within(closed, 'lifeguard.close()')
  }

  #dismiss(): void {
    this.#unwatch = undefined
    if (!this.guarded) return
    this.watcher?.dismiss(this.model.unwatched())
  }

  /** The client that was sent this text. */
  senderOf(text: string): pg.Client {
    const client = this.#senders.get(text)
    if (client === undefined) throw new Error(`nobody was sent ${text}`)
    return client
  }

  /** Every client that the pool has ever made. */
  get clients(): readonly pg.Client[] {
    return [...this.#clients.keys()]
  }

  /** Leaves a statement out of the comparison that depends on the moment when an answer arrives. */
  forgetLast(client: pg.Client, text: string): void {
    const sent = this.sent[this.#number(client)]
    if (sent?.at(-1) === text) sent.pop()
  }

  ordinal(client: pg.Client): number {
    return this.#number(client) + 1
  }

  /** Lets the time pass in small pieces, as the sweep sees it, and holds what is found against the model. */
  async pass(millis: number): Promise<void> {
    for (let left = millis; left > 0; left -= 50) await this.advance(Math.min(50, left))
  }

  async advance(millis: number): Promise<void> {
    this.clock.advance(millis)
    this.model.now += millis
    if (this.watcher?.isAnythingDue() === true) await this.settle()
  }

  async remediesDone(): Promise<void> {
    const { watcher } = this
    if (watcher !== undefined) await until(() => watcher.remediesAreDone(), 'every remedy comes to an end')
  }

  /**
   * Waits for remedies and for everybody whom the pool owes a client, and tells the model of them. A statement of
   * `pool.query` does not come to its end while its client is busy for somebody else; `isBusy` leaves it out.
   */
  async serve({ isBusy = false } = {}): Promise<void> {
    const { model, watcher } = this
    for (;;) {
      await nextTurn()
      if (watcher !== undefined) {
        await this.remediesDone()
        watcher.compare()
        await collectBroken(this)
        for (const owner of this.cursors.keys()) {
          if (owner.work === 'none') this.cursors.delete(owner)
        }
      }
      const [next] = this.requests
      if (isBusy && next?.owner.via === 'pool.query') return
      if (next === undefined || model.holding.length >= model.max) break
      this.requests.shift()
      await within(next.answered, `${next.owner.name} gets a client from the pool`)
      next.served()
    }
    // The pool closes clients on its own after so many uses.
    for (const session of model.sessions.values()) {
      if (!session.gone && !this.pool._clients.includes(session.client)) model.closed(session)
    }
  }

  /**
   * Waits until nothing is under way that the model knows of, and holds the guard's findings and the pool's state
   * against the model.
   */
  async settle(): Promise<void> {
    const { watcher } = this
    await this.serve()
    await until(() => this.#clientsAreReady(), 'every client is ready')
    if (watcher === undefined) return
    await until(
      () => watcher.hasHeardEverything(),
      () => `it is found: ${watcher.missing()}`,
    )
    await nextTurn()
    await until(
      () => watcher.wronglyOpenOrResolved() === undefined,
      () => `it changes that ${watcher.wronglyOpenOrResolved()}`,
    )
    watcher.dropOptional()
    compareSnapshot(this.model, this.lifeguard)
  }

  #clientsAreReady(): boolean {
    const busy = new Set([...this.flights.keys(), ...this.cursors.keys()].map(({ session }) => session))
    return this.pool._clients.every((client) => {
      const session = this.model.sessions.get(client)
      if (session !== undefined && (session.gone || busy.has(session))) return true
      const { readyForQuery, _ending, _queryable } = client as unknown as Record<string, unknown>
      return readyForQuery === true || _ending === true || _queryable === false
    })
  }

  #number(client: pg.Client): number {
    let number = this.#clients.get(client)
    if (number === undefined) {
      number = this.#clients.size
      this.#clients.set(client, number)
      this.sent.push([])
    }
    return number
  }

  #noteSent(client: pg.Client, text: string): void {
    this.sent[this.#number(client)]?.push(text)
    this.#senders.set(text, client)
  }
}

/** In `enforce` the options that decide on remedies are part of what is random. */
function remediesOf(mode: Mode, seed: number): Required<RemedyByKind> {
  const random = seededRandom(seed ^ 0xf1d0)
  const enforce = mode === 'enforce'
  const choose = <Choice extends Remedy>(...remedies: Choice[]): Choice | 'report' =>
    enforce ? random.pick(remedies) : 'report'
  return {
    'idle-transaction': choose('rollback', 'rollback', 'rollback', 'destroy'),
    'long-transaction': choose('report', 'rollback', 'rollback', 'destroy'),
    'long-hold': choose('report', 'report', 'destroy'),
    'outlived-scope': choose('destroy'),
    'dirty-release': choose('rollback', 'rollback', 'rollback', 'destroy'),
    'busy-release': choose('destroy'),
    'double-release': choose('refuse'),
    'use-after-release': choose('refuse'),
    'session-state': choose('reset', 'reset', 'destroy'),
    'lost-commit': 'report',
    'session-killed': 'report',
    'nested-acquire': 'report',
    'pool-deadlock': 'report',
    'pool-exhausted': 'report',
    'blocked-shutdown': choose('destroy'),
  }
}
