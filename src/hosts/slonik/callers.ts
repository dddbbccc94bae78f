import type { Checkout } from '../../core/checkout.ts'
import { type CapturedStack, captureStack } from '../../core/origin/origin.ts'
import type { PoolCore } from '../pool-host.ts'
import { connectionBehind } from './shape.ts'
import type { SlonikConnection, SlonikInterceptor } from './types.ts'

/** Jobs of promises that Slonik needs, with its tracing on, from the last interceptor to its pool. */
const placingJobs = 4

/** What differs between a pool that is only observed and one whose driver is guarded. */
export interface SlonikHost {
  /** Somebody asks the pool for a connection. */
  asked?(): void
  /** How many callers could get a connection at once. */
  free(): number
  /** Whether callers may wait in Slonik's own queue: it is silent about those that get an error. */
  mayWait(): boolean
  /** The caller has its connection. */
  arrived(checkout: Checkout, connection: SlonikConnection): void
  /** The owner's work is done, and has not failed. */
  leaving(connection: SlonikConnection): void
}

interface Caller {
  readonly stack: CapturedStack
  /** Undefined while other interceptors may still send it to another pool. */
  checkout: Checkout | undefined
}

/** The callers of one pool, followed through interceptors: from where they ask to where they are done. */
export class SlonikCallers {
  /** Comes before all others: only there the caller is on the stack for certain. */
  readonly entry: SlonikInterceptor
  /** Comes behind all others: nobody sends the caller elsewhere, or uses its connection, after it. */
  readonly exit: SlonikInterceptor
  readonly #host: SlonikHost
  readonly #callers = new WeakMap<object, Caller>()
  /** Callers for whom there is a connection, or room for one, and who have not taken it yet. */
  #placing = 0
  #core: PoolCore | undefined

  constructor(host: SlonikHost) {
    this.#host = host
    this.entry = {
      name: 'pg-lifeguard',
      beforePoolConnection: (context) => this.#enter(context),
      afterPoolConnection: (context, connection) => this.#arrive(context, connection),
    }
    this.exit = {
      name: 'pg-lifeguard',
      beforePoolConnection: (context) => this.#ask(context),
      beforePoolConnectionRelease: (_context, connection) => this.#leave(connection),
    }
  }

  follow(core: PoolCore): void {
    this.#core = core
  }

  unfollow(): void {
    this.#core = undefined
  }

  /** Ours around those of the application, wherever it has put ours. */
  around(interceptors: readonly object[]): readonly object[] {
    return [this.entry, ...interceptors.filter((one) => !this.has(one)), this.exit]
  }

  has(interceptor: object): boolean {
    return interceptor === this.entry || interceptor === this.exit
  }

  isFull(): boolean {
    return this.#host.free() <= this.#placing
  }

  /** Called by each sweep, when nothing is on its way between Slonik's promises. */
  sweep(): void {
    if (this.#core === undefined || this.#host.mayWait()) return
    for (const waiter of this.#core.record.waiters) this.#core.ledger.withdrawn(waiter, 'gave up')
  }

  #enter(context: object): null {
    this.#host.asked?.()
    if (this.#core !== undefined) this.#callers.set(context, { stack: captureStack(), checkout: undefined })
    return null
  }

  #ask(context: object): null {
    const caller = this.#callers.get(context)
    if (this.#core === undefined || caller === undefined) return null
    caller.checkout = this.#core.request('connect', caller.stack)
    if (!caller.checkout.queued) void this.#place()
    return null
  }

  async #place(): Promise<void> {
    this.#placing += 1
    for (let job = 0; job < placingJobs; job += 1) await undefined
    this.#placing -= 1
  }

  #arrive(context: object, given: object): null {
    const core = this.#core
    const caller = this.#callers.get(context)
    const connection = connectionBehind(given)
    this.#callers.delete(context)
    if (core === undefined || caller?.checkout === undefined) return null
    const { checkout, stack } = caller
    if (connection === undefined) {
      core.ledger.withdrawn(checkout, 'got a client')
      return null
    }
    // One that was taken for gone has been in the queue after all.
    const isKnown = checkout.phase === 'waiting'
    this.#host.arrived(isKnown ? checkout : core.request('connect', stack), connection)
    return null
  }

  #leave(given: object): null {
    const connection = connectionBehind(given)
    if (connection !== undefined) this.#host.leaving(connection)
    return null
  }
}
