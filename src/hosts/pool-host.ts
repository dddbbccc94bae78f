import type { GuardedClient } from '../client/guarded-client.ts'
import type { StatementTexts } from '../client/statement-texts.ts'
import type { Callback, Client, GiveBack, Method, PoolTraits } from '../client/types.ts'
import type { Checkout, CheckoutPool, Via } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import type { TagSettings } from '../core/checkout-tag.ts'
import type { Ledger } from '../core/ledger.ts'
import type { CapturedStack } from '../core/origin/origin.ts'
import type { PoolStacks } from '../core/origin/pool-stacks.ts'
import type { PoolGauge } from '../core/pool-record.ts'

/** An override on a pool or its library, which can be removed again. */
export interface Installed {
  restore(): void
}

/**
 * The part of the guard that differs from pool to pool. Checkouts, stacks, scopes, waiters, findings and remedies are
 * handled by {@link PoolCore}, which is the same for all of them.
 *
 * A host translates: it overrides the pool's own methods so that they call the core, and it answers the core's questions
 * from the pool's own state. It keeps no records and judges nothing.
 */
export interface PoolHost extends PoolTraits {
  /** The object that carries the mark of a watched pool. */
  readonly pool: object
  /** Distinguishes the pools of one source, such as `read` and `write` under replication. */
  readonly part?: string | undefined
  /** Each owner gets something of its own, with the option `handles` or without: late acts are known by it. */
  readonly checked?: boolean
  gauge(): PoolGauge
  /** Whether a caller that asks for a client now has to wait for a release. Called for each checkout. */
  isFull(): boolean
  /** Whether the client is idle in the pool, so that nobody may use it. */
  isIdle(client: Client): boolean
  /** All clients of the pool, idle ones included. Sweeps and reports look here for statements without a checkout. */
  clients(): Iterable<Client>
  /**
   * Installs the overrides on the pool:
   *
   * - the methods that hand out a client call {@link PoolCore.acquire}, or its parts where the pool has a callback form;
   * - those that take one back call {@link PoolCore.release}, unless owners call `client.release`, which the core
   *   overrides itself;
   * - those that end the pool call {@link PoolCore.ending};
   * - those that drop a client call {@link PoolCore.removed}.
   *
   * @returns the overrides in the order of their installation; they are removed in reverse order
   */
  install(core: PoolCore): readonly Installed[]
  /** The pool's own release of a client that it has just handed out; undefined if that is not a client. */
  giveBackOf(client: Client): GiveBack | undefined
  /**
   * Frees the slot, closes the session, and lets the pool serve its next waiter, although the owner has not released.
   * `giveBack` is the pool's own release of this checkout.
   */
  destroy(client: Client, error: Error, giveBack: GiveBack): void
  /**
   * Does the same for an owner that holds the pool's own release: a later call of it must not throw.
   * Returns false if the pool cannot do that; `destroy` is called then.
   */
  drop?(client: Client): boolean
  /** Whether the next caller may make the pool open a connection; always, if the host cannot know. */
  mayOpen?(): boolean
  /** Called by each sweep, before anything is judged. */
  sweep?(): void
  /** Whether the pool has ended for good and closed its connections: it is forgotten then. */
  isEnded?(): boolean
  /** The checkout of an object that the library hands out in place of a client. */
  checkoutOf?(given: unknown): Checkout | undefined
}

/** The stacks of callers that a library above the pool has recorded. */
export interface CallerStacks {
  /** The pool asks for them. */
  join(stacks: PoolStacks): void
  /** The stack of the caller whose acquire is starting, if it was recorded. */
  take(): CapturedStack | undefined
}

/** The argument of `watch`: it has pools now, and may make new ones later. */
export interface PoolSource {
  /** @throws WatchError if there is none */
  hosts(): readonly PoolHost[]
  /** Installs overrides on the source itself; they call `renewed` when it has made new pools. */
  install?(renewed: () => void): readonly Installed[]
}

/** The settings of a watched pool. */
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
  /** The guard has been removed: overrides that could not be removed pass everything through. */
  readonly unwatched: boolean
  /**
   * A caller asks the pool for a client. `start` runs the pool's own acquire. The host records `stack` at the entry of the
   * method that was called, because each further frame of this package costs as much as a frame of the application. `cancel`
   * removes the caller from the pool's queue with an error, for a pool that would continue to serve it.
   *
   * @returns the result of `start`, which gives the client, or a handle in its place
   */
  acquire(start: () => unknown, via: Via, stack: CapturedStack, cancel?: (error: Error) => void): unknown
  /**
   * An owner releases a client, or the handle that it got in its place, through the pool. `giveBack` is the pool's own
   * release; a remedy may delay it. With `error`, the pool closes the client.
   */
  release(client: Client, giveBack: GiveBack, error?: Error): unknown
  /** Whether the client is checked out. */
  isOut(client: Client): boolean
  /** The present checkout of a client, or of the client behind a handle. */
  checkoutOf(client: unknown): Checkout | undefined
  /** The pool is ending: clients that are still checked out delay its end. */
  ending(): void
  /** The pool has ended without waiting for the owners of its clients. */
  ended(): void
  /** The pool has removed a client. */
  removed(client: unknown): void
  /**
   * The pool hands out a client. Its caller may have bypassed {@link acquire}, with a method that it took from the pool
   * before `watch`; without this call such a caller is not seen. `isNew`: the connection has just been opened, for the
   * caller that asked last.
   */
  goesOut(client: Client, isNew: boolean): void
  /** The pool has a client back, through {@link release} or past it. */
  cameBack(client: unknown, error: unknown): void

  /** Records a caller that asks for a client; it waits from now on. */
  request(via: Via, stack: CapturedStack): Checkout
  /** Runs the pool's own acquire outside any scope. If it throws, the caller no longer waits. */
  start(waiter: Checkout, acquire: () => unknown): unknown
  /** The pool has answered a started caller. */
  answered(): void
  /** Calls the pool's own `acquire` with `callback`; outside any scope, if that may open a connection. */
  ask(acquire: Method, pool: unknown, callback: Callback): unknown
  /** Work on a session that must be done before its first owner gets it; undefined if there is none. */
  arriving(client: unknown): Promise<void> | undefined
  /** The pool has handed out a client. Returns the client, or the handle that its owner gets in its place. */
  handOut(checkout: Checkout, client: unknown): unknown
  /** The pool has answered the caller with an error. Does nothing if a remedy has answered the caller already. */
  failed(waiter: Checkout, error: unknown): void
  /** Allows a remedy to answer a waiting caller, if remedies may do that. */
  makeRejectable(waiter: Checkout, answer: (error: Error) => void): void
  /** Whether a remedy has answered the caller while it waited, so that a client that arrives now has no owner. */
  isRejected(waiter: Checkout): boolean
  /** Returns a client to the pool that has no owner, because its caller has been answered already. */
  giveUp(client: unknown): undefined
  isFull(): boolean
  guardOf(client: Client): GuardedClient

  readonly record: CheckoutPool
  readonly stacks: PoolStacks
  readonly texts: StatementTexts
  readonly settings: WatchSettings
  readonly ledger: Ledger
  readonly events: CheckoutEvents
}
