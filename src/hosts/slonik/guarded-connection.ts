import type { Client } from '../../client/types.ts'
import { activeQuery } from '../../client/work.ts'
import type { Checkout } from '../../core/checkout.ts'
import type { PoolCore } from '../pool-host.ts'
import type { SlonikConnection } from './types.ts'

/** Leads from Slonik's copy of a connection to the guarded one. */
const key = Symbol('pg-lifeguard.connection')

/** The parts of its pool that a connection needs. */
export interface ConnectionPool {
  /** Undefined while the pool is not watched. */
  readonly core: PoolCore | undefined
  closed(connection: GuardedConnection): void
}

/** The guarded connection behind Slonik's copy; undefined if its client was not found. */
export function guardedBehind(connection: SlonikConnection): GuardedConnection | undefined {
  return Reflect.get(connection, key) as GuardedConnection | undefined
}

/** One connection of a guarded driver, and the client of node-postgres behind it. */
export class GuardedConnection {
  readonly client: Client
  /** The checkout of its present owner. */
  checkout: Checkout | undefined
  readonly #pool: ConnectionPool
  readonly #own: SlonikConnection
  /** Slonik's copy, whose methods its users call. */
  #copy: SlonikConnection | undefined
  #isDropped = false
  #wasAcquired = false

  constructor(own: SlonikConnection, client: Client, pool: ConnectionPool) {
    this.#own = own
    this.client = client
    this.#pool = pool
    own.on('destroy', this.#onDestroy)
  }

  /** Whether it occupies a slot: a connection that is being closed does not. */
  get isOpen(): boolean {
    const state = this.#own.state()
    return state !== 'PENDING_DESTROY' && state !== 'DESTROYED'
  }

  get isIdle(): boolean {
    return this.#own.state() === 'IDLE'
  }

  /** Whether it is idle, and not on its way to the caller for whom it was opened. */
  get isFree(): boolean {
    return this.isIdle && this.#wasAcquired
  }

  /** The object that the pool gets in place of the driver's connection. */
  forPool(): SlonikConnection {
    return Object.assign(
      { ...this.#own },
      {
        [key]: this,
        acquire: () => {
          this.#wasAcquired = true
          this.#own.acquire()
        },
        release: () => this.#release(),
        destroy: () => this.#destroy(),
      },
    )
  }

  begin(checkout: Checkout, copy: SlonikConnection): void {
    this.checkout = checkout
    this.#copy = copy
  }

  /** Returns the connection to the pool as Slonik does: if it cannot be reset, it is closed. */
  async giveBack(): Promise<void> {
    try {
      await this.#own.release()
    } catch (error) {
      await this.#own.destroy().catch(() => {})
      throw error
    }
  }

  /** Frees the slot although there is an owner, whose statements fail with `error` from now on. */
  drop(error: Error): void {
    this.#isDropped = true
    const refuse = () => Promise.reject(error)
    if (this.#copy !== undefined)
      Object.assign(this.#copy, { query: refuse, stream: () => throwError(error) })
    // The driver waits for a running statement; this ends it.
    if (activeQuery(this.client) !== undefined) void this.client.end?.()
    void this.#own.destroy().catch(() => {})
  }

  /** The owner's work has succeeded. */
  #release(): Promise<void> {
    const core = this.#ending()
    if (core === undefined) return this.#own.release()
    if (this.#isDropped) {
      core.release(this.client, () => {})
      return this.#own.release()
    }
    return new Promise((resolve, reject) => {
      // A remedy may delay it, or close the connection instead.
      core.release(this.client, () => this.giveBack().then(resolve, reject))
    })
  }

  /** The owner's work has failed, or the pool closes the connection. */
  #destroy(): Promise<void> {
    this.#ending()?.release(this.client, () => {}, new Error('destroyed by its owner'))
    return this.#own.destroy()
  }

  /** The driver also closes connections itself: idle ones, and those that the server has ended. */
  readonly #onDestroy = (): void => {
    this.#pool.closed(this)
    if (this.checkout?.phase === 'out') this.#ending()?.release(this.client, () => {}, new Error('destroyed'))
  }

  /** The core to which the end of the checkout is reported, once. */
  #ending(): PoolCore | undefined {
    if (this.checkout === undefined) return undefined
    this.checkout = undefined
    this.#copy = undefined
    return this.#pool.core
  }
}

function throwError(error: Error): never {
  throw error
}
