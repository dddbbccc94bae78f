import type { Checkout } from '../../core/checkout.ts'
import { type CapturedStack, captureStack } from '../../core/origin/origin.ts'
import type { PoolCore } from '../pool-host.ts'
import { connectionBehind } from './shape.ts'
import type { SlonikConnection, SlonikInterceptor } from './types.ts'

/** The number of promise jobs that Slonik needs, with its tracing on, from the last interceptor to its pool. */
const placingJobs = 4

/** The differences between a pool that is only observed and one whose driver is guarded. */
export interface SlonikHost {
  /** A caller asks the pool for a connection. */
  asked?(): void
  /** The number of callers that could get a connection at once. */
  free(): number
  /** Whether callers may wait in Slonik's own queue, which does not report those that get an error. */
  mayWait(): boolean
  /** The caller has its connection. */
  arrived(checkout: Checkout, connection: SlonikConnection): void
  /** The owner's work has succeeded. */
  leaving(connection: SlonikConnection): void
}

interface Caller {
  readonly stack: CapturedStack
  /** Undefined while other interceptors may still send it to another pool. */
  checkout: Checkout | undefined
}

/** The callers of one pool, followed through interceptors from their request to their end. */
export class SlonikCallers {
  /** Runs before all others: only there the caller is certainly on the stack. */
  readonly entry: SlonikInterceptor
  /** Runs after all others: no other interceptor redirects the caller, or uses its connection, after it. */
  readonly exit: SlonikInterceptor
  readonly #host: SlonikHost
  readonly #callers = new WeakMap<object, Caller>()
  /** The number of callers with a free connection or slot that they have not taken yet. */
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

  /** Our interceptors around those of the application, in any original order. */
  around(interceptors: readonly object[]): readonly object[] {
    return [this.entry, ...interceptors.filter((one) => !this.has(one)), this.exit]
  }

  has(interceptor: object): boolean {
    return interceptor === this.entry || interceptor === this.exit
  }

  isFull(): boolean {
    return this.#host.free() <= this.#placing
  }

  /** Called by each sweep, when no caller is between two of Slonik's promises. */
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
    // It was assumed to be gone, but was still in the queue.
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
