import type { GuardedClient } from '../client/guarded-client.ts'
import type { Client, GiveBack } from '../client/types.ts'
import type { Checkout, CheckoutPool, Via } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import type { TagSettings } from '../core/checkout-tag.ts'
import type { Ledger } from '../core/ledger.ts'
import type { CapturedStack } from '../core/origin/origin.ts'
import type { PoolGauge } from '../core/pool-record.ts'

/** Something that was put on the pool, and can be taken off again. */
export interface Installed {
  restore(): void
}

/**
 * Everything that differs from pool to pool. Checkouts, stacks, scopes, waiters, findings and remedies are the business
 * of {@link PoolCore}, which is the same for all of them.
 *
 * A host translates: it overrides the pool's own methods so that they call the core, and it answers the core's questions
 * from the pool's own state. It keeps no books and judges nothing.
 */
export interface PoolHost {
  /** The object that carries the mark of a watched pool. */
  readonly pool: object
  /** Tells the pools of one source apart, such as `read` and `write` of a replication. */
  readonly part?: string | undefined
  /** The factory of the pool's sockets, if it was given one: a cancel request takes the same way to the server. */
  readonly stream: unknown
  /** The application runs statements of its own on each new client, so that RESET would not restore its settings. */
  readonly setUpByHost: boolean
  gauge(): PoolGauge
  /** Whether a caller that asks for a client now has to wait until somebody releases one. In the path of each checkout. */
  isFull(): boolean
  /** Whether the client lies in the pool, so that nobody may use it. */
  isIdle(client: Client): boolean
  /** All clients of the pool, idle ones included. Sweeps and reports look here for statements without a checkout. */
  clients(): Iterable<Client>
  /**
   * Puts the overrides on the pool:
   *
   * - whatever hands out a client calls {@link PoolCore.acquire}, or its parts where the pool has a callback form;
   * - whatever takes one back calls {@link PoolCore.release}, unless owners call `client.release`, which the core
   *   overrides by itself;
   * - whatever ends the pool calls {@link PoolCore.ending};
   * - whatever drops a client calls {@link PoolCore.removed}.
   *
   * @returns what was installed, in order; it is taken off in the reverse order
   */
  install(core: PoolCore): readonly Installed[]
  /** The pool's own release of a client that it has just handed out. Undefined: what was handed out is not a client. */
  giveBackOf(client: Client): GiveBack | undefined
  /**
   * Frees the slot now, closes the session, and lets the pool serve its next waiter, though the owner has not released.
   * `giveBack` is the pool's own release of this checkout.
   */
  destroy(client: Client, error: Error, giveBack: GiveBack): void
  /**
   * The same for an owner that has the pool's own release, which it may still call, and which must not throw then.
   * Returns whether it was done; `destroy` is called otherwise.
   */
  drop?(client: Client): boolean
}

/** What was given to `watch`: it has pools now, and may make new ones later. */
export interface PoolSource {
  /** @throws WatchError if there is none */
  hosts(): readonly PoolHost[]
  /** Puts overrides on the source itself; they call `renewed` when it has made new pools. */
  install?(renewed: () => void): readonly Installed[]
}

/** What a pool is watched with. */
export interface WatchSettings {
  readonly name: string
  readonly handles: 'raw' | 'checked'
  readonly tag?: TagSettings | undefined
}

/**
 * The checkouts of one watched pool, as its host calls them. Most hosts need {@link acquire}, {@link release},
 * {@link ending} and {@link removed}; `request`, `start`, `handOut` and `failed` are the parts of `acquire`, for a pool
 * whose acquire takes a callback.
 */
export interface PoolCore {
  /** The guard has been taken off: overrides that could not be taken off pass everything on. */
  readonly unwatched: boolean
  /**
   * A caller asks the pool for a client. `start` runs the pool's own acquire; `stack` was recorded at the entry of the
   * method that the caller has called, since a frame of ours in between costs as much as one of theirs.
   *
   * @returns what `start` has returned, which gives the client, or a handle in its place
   */
  acquire(start: () => unknown, via: Via, stack: CapturedStack): unknown
  /**
   * An owner gives a client back through the pool, or the handle that it got in its place. A remedy may hold it; then `giveBack`, the pool's own release, is
   * called later. With `error`, the pool closes the client.
   */
  release(client: Client, giveBack: GiveBack, error?: Error): unknown
  /** Whether the client is checked out. */
  isOut(client: Client): boolean
  /** The pool is asked to end: who still has a client now is in its way. */
  ending(): void
  /** The pool has let go of a client. */
  removed(client: unknown): void
  /**
   * The pool hands a client out, to a caller that need not have come through {@link acquire}: one who has taken the
   * pool's method before it was watched. Without a call of this, such a caller is not seen. `isNew`: the connection has
   * just been opened, for whoever has asked last.
   */
  goesOut(client: Client, isNew: boolean): void
  /** The pool has got a client back, whether or not through {@link release}. */
  cameBack(client: unknown, error: unknown): void

  /** A caller asks for a client: from now on it waits. */
  request(via: Via, stack: CapturedStack): Checkout
  /** Runs the pool's own acquire, outside of any scope. A pool that throws instead of rejecting leaves nobody waiting. */
  start(waiter: Checkout, acquire: () => unknown): unknown
  /** The pool has answered a caller that was started. */
  answered(): void
  /** As `start`, for a caller that is not tracked. */
  startPassing(acquire: () => unknown): unknown
  /** The work that has to be done on a session before its first owner gets it; undefined if there is none. */
  arriving(client: unknown): Promise<void> | undefined
  /** The pool has handed a client out. Returns what its owner gets: the client, or a handle in its place. */
  handOut(checkout: Checkout, client: unknown): unknown
  /** The caller got an error in place of a client, unless a remedy has answered it before. */
  failed(waiter: Checkout, error: unknown): void
  /** Lets a remedy answer a caller that waits, where a remedy may. */
  makeRejectable(waiter: Checkout, answer: (error: Error) => void): void
  /** Whether a remedy has answered the caller while it waited, so that nobody wants the client that comes now. */
  isRejected(waiter: Checkout): boolean
  /** Gives a client back for which its caller has not waited. */
  giveUp(client: unknown): undefined
  isFull(): boolean
  guardOf(client: Client): GuardedClient

  readonly record: CheckoutPool
  readonly settings: WatchSettings
  readonly ledger: Ledger
  readonly events: CheckoutEvents
}
