import { AsyncResource } from 'node:async_hooks'
import { GuardedClient } from '../client/guarded-client.ts'
import { clientBehind } from '../client/handle.ts'
import { Override } from '../client/override.ts'
import { nameConnections, statementTagger } from '../client/tag.ts'
import { observedConnections, observedStatement } from '../client/timing.ts'
import { type Callback, type Client, isClient, type Pool } from '../client/types.ts'
import type { Checkout, CheckoutPool } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import type { TagSettings } from '../core/checkout-tag.ts'
import { isAnyTimeout } from '../core/exhaustion.ts'
import type { Ledger } from '../core/ledger.ts'
import { type CapturedStack, deepStack, setStackDepth } from '../core/origin/origin.ts'
import { OriginProbe } from '../core/origin/origin-probe.ts'
import { mayLeaveState } from '../core/session-state/may-leave-state.ts'
import { isThenable } from '../core/thenable.ts'
import { opensTransaction, statementText } from '../sql/statement.ts'
import { asPool, poolRecord, watchedMark } from './pg-pool-record.ts'

/** A pool under guard. */
export interface PoolWatch {
  readonly record: CheckoutPool
  /** The guarded client behind a client of this pool, if it is checked out now. */
  checkoutOf(client: unknown): Checkout | undefined
  unwatch(): void
}

/**
 * Watches one pool instance by overriding `connect`, `query` and `end` on it.
 *
 * @throws WatchError if `host` is not shaped like a pool or is watched already
 */
export function watchPgPool(
  host: unknown,
  options: {
    readonly name: string
    readonly handles: 'raw' | 'checked'
    readonly tag?: TagSettings | undefined
  },
  ledger: Ledger,
  events: CheckoutEvents,
): PoolWatch {
  const pool = asPool(host)
  const guards = new WeakMap<object, GuardedClient>()
  const alive = new Set<GuardedClient>()
  const record = poolRecord(
    pool,
    options.name,
    (client) => guards.get(client)?.checkout !== undefined,
    () => {
      for (const guard of alive) guard.forgetReleased()
    },
  )
  const probe = new OriginProbe()
  const clientHost = {
    record,
    stream: pool.options?.stream,
    tagged: statementTagger(options.tag),
    get setUpByHost() {
      const { onConnect, verify } = pool.options ?? {}
      return onConnect !== undefined || verify !== undefined || (pool.listenerCount?.('connect') ?? 0) > 0
    },
    isIdle: (client: Client) => pool._idle?.some((item) => item.client === client) === true,
    get capturesQueries() {
      return probe.losesUser
    },
    unwatched: false,
  }
  // Set by `query` around the pool's own call of `connect`, which follows synchronously and takes it away.
  let passing: { readonly text: unknown } | undefined

  function guardOf(client: Client): GuardedClient {
    const known = guards.get(client)
    if (known !== undefined) return known
    const guard = new GuardedClient(client, clientHost, ledger, events)
    guards.set(client, guard)
    alive.add(guard)
    return guard
  }

  /** Whether a caller that asks now has to wait for somebody's release. */
  function isQueued(): boolean {
    const { totalCount, idleCount, waitingCount, options } = pool
    return Number(totalCount) >= Number(options?.max) && Number(idleCount) <= Number(waitingCount)
  }

  function fail(checkout: Checkout, error: unknown): void {
    if (isAnyTimeout(error)) ledger.meter?.timedOut(record)
    events.acquireFailed(checkout, error)
    ledger.withdrawn(checkout, 'gave up')
  }

  /** What the caller gets: the client or a handle, and its release. */
  function acquire(checkout: Checkout, client: unknown): { client: unknown; release?: Callback } {
    const guard = isClient(client) && !clientHost.unwatched ? guardOf(client) : undefined
    const release = guard?.begin(checkout)
    if (guard === undefined || release === undefined) {
      ledger.withdrawn(checkout, 'got a client')
      return { client }
    }
    const isChecked = options.handles === 'checked' && checkout.via === 'connect'
    return { client: isChecked ? guard.handle(checkout, release) : client, release }
  }

  /** What has to be done before the caller gets a client for the first time. */
  function arriving(client: unknown): Promise<void> | undefined {
    if (events.sessionState !== 'by query' || !isClient(client) || clientHost.unwatched) return undefined
    return guardOf(client).arriving()
  }

  /** A pool that throws instead of rejecting leaves nobody waiting. */
  function start(checkout: Checkout, connect: () => unknown): unknown {
    try {
      return ledger.detached(connect)
    } catch (error) {
      fail(checkout, error)
      throw error
    }
  }

  function connectTracked(
    original: Pool['connect'],
    self: unknown,
    args: unknown[],
    via: 'connect' | 'pool.query',
    stack: CapturedStack,
  ) {
    probe.see(stack)
    const checkout = ledger.request(record, via, isQueued(), stack, ledger.currentScope())
    const callback = args[0]
    if (typeof callback === 'function') {
      // A queued caller is served out of somebody else's release, and would go on in their context.
      const caller = new AsyncResource('PG_LIFEGUARD_CONNECT')
      const answer = (...results: unknown[]) =>
        caller.runInAsyncScope(callback as Callback, undefined, ...results)
      const isRejected = rejectable(checkout, (error) => answer(error, undefined, () => {}))
      const onClient: Callback = (error, client, done) => {
        if (error) {
          if (isRejected()) return
          fail(checkout, error)
          return answer(error, client, done)
        }
        const handOut = () => {
          if (isRejected()) return giveUp(client)
          const got = acquire(checkout, client)
          return answer(error, got.client, got.release ?? done)
        }
        // In a turn of its own: what the callback throws is no rejection.
        return arriving(client)?.then(() => process.nextTick(handOut)) ?? handOut()
      }
      return start(checkout, () => Reflect.apply(original, self, [oneShot(onClient)]))
    }
    let reject: (error: Error) => void = () => {}
    const isRejected = rejectable(checkout, (error) => reject(error))
    const connecting = start(checkout, () => Reflect.apply(original, self, args))
    if (!isThenable(connecting)) {
      // Not what a pool does, but what it gives is passed on all the same.
      return acquire(checkout, connecting).client
    }
    const connected = connecting.then(
      (client) => {
        const handOut = () => (isRejected() ? giveUp(client) : acquire(checkout, client).client)
        return arriving(client)?.then(handOut) ?? handOut()
      },
      (error: unknown) => {
        if (!isRejected()) fail(checkout, error)
        throw error
      },
    )
    if (!events.rejectsWaiters) return connected
    const rejected = new Promise((_resolve, rejectNow) => {
      reject = rejectNow
    })
    return Promise.race([connected, rejected])
  }

  /** Lets a remedy answer a caller that waits. Returns a function that says whether it has. */
  function rejectable(waiter: Checkout, answer: (error: Error) => void): () => boolean {
    if (!events.rejectsWaiters) return () => false
    let isRejected = false
    waiter.reject = (error) => {
      isRejected = true
      answer(error)
    }
    return () => isRejected
  }

  /** The caller was rejected while it waited: nobody wants the client that comes now. */
  function giveUp(client: unknown): undefined {
    if (isClient(client)) ledger.detached(() => client.release?.())
  }

  /** The pool's own call of `connect` for an ordinary statement of `pool.query`: nothing is tracked but a long wait. */
  function connectPassing(original: Pool['connect'], self: unknown, callback: Callback, text: unknown) {
    const waiter = isQueued()
      ? ledger.request(record, 'pool.query', true, undefined, ledger.currentScope())
      : undefined
    if (waiter !== undefined) waiter.lastQuery = statementText(text)
    const reject = (error: Error) => callback(error, undefined, () => {})
    const answer =
      ledger.meter?.statements === true
        ? observedStatement(callback, record, ledger, waiter !== undefined)
        : callback
    const isRejected =
      waiter !== undefined && events.rejectsWaiters
        ? rejectable(waiter, AsyncResource.bind(reject))
        : undefined
    const onClient: Callback = (error, client, done) => {
      if (isRejected?.()) return giveUp(client)
      if (waiter !== undefined) {
        if (error) fail(waiter, error)
        else ledger.withdrawn(waiter, 'got a client')
      }
      if (isClient(client) && !clientHost.unwatched) guardOf(client).isPassing = true
      return answer(error, client, done)
    }
    return ledger.detached(() => Reflect.apply(original, self, [oneShot(onClient)]))
  }

  const overrides = [
    new Override(
      pool,
      'connect',
      (original) =>
        function (this: unknown, ...args: unknown[]) {
          const statement = passing
          passing = undefined
          if (clientHost.unwatched) return Reflect.apply(original, this, args)
          const callback = args[0]
          const isPassing = events.sessionState !== 'by query' && !leavesSomething(statement?.text)
          if (statement !== undefined && typeof callback === 'function' && isPassing) {
            return connectPassing(original, this, callback as Callback, statement.text)
          }
          const depth = setStackDepth(deepStack)
          const stack = new Error()
          setStackDepth(depth)
          const via = statement === undefined ? 'connect' : 'pool.query'
          return connectTracked(original, this, args, via, stack)
        },
    ),
    new Override(
      pool,
      'query',
      (original) =>
        function (this: unknown, ...args: unknown[]) {
          passing = { text: args[0] }
          try {
            return Reflect.apply(original, this, args)
          } finally {
            passing = undefined
          }
        },
    ),
  ]
  const unname = nameConnections(pool, options.tag)
  overrides.push(...observedConnections(pool, record, ledger))
  if (typeof pool.end === 'function') {
    overrides.push(
      new Override(
        pool,
        'end',
        (original) =>
          function (this: unknown, ...args: unknown[]) {
            record.endingSince ??= ledger.time.now()
            return Reflect.apply(original, this, args)
          },
      ),
    )
  }

  const onRemove: Callback = (client) => {
    const guard = isClient(client) ? guards.get(client) : undefined
    if (guard !== undefined) alive.delete(guard)
  }
  pool.on?.('remove', onRemove)
  Object.defineProperty(pool, watchedMark, { value: true, configurable: true })
  ledger.pools.add(record)

  return {
    record,
    checkoutOf(client) {
      const behind = clientBehind(client)
      return isClient(behind) ? guards.get(behind)?.checkout : undefined
    },
    unwatch() {
      if (clientHost.unwatched) return
      clientHost.unwatched = true
      pool.removeListener?.('remove', onRemove)
      unname()
      // In the reverse order: V8 keeps an object fast from which the property that came last is taken.
      Reflect.deleteProperty(pool, watchedMark)
      for (const override of overrides.toReversed()) override.restore()
      for (const guard of alive) guard.unguard()
      for (const waiter of record.waiters) ledger.dismiss(waiter)
      ledger.pools.delete(record)
    },
  }
}

/** A connection keeps the callback that it was opened for: it must not keep the caller's request alive as well. */
function oneShot(callback: Callback): Callback {
  let pending: Callback | undefined = callback
  return (...results) => {
    const called = pending
    pending = undefined
    return called?.(...results)
  }
}

/** Whether a statement of `pool.query` can leave a transaction or a client behind, so that its line is needed. */
function leavesSomething(config: unknown): boolean {
  if (typeof config === 'string') return opensTransaction(config) || mayLeaveState(config)
  if (typeof config !== 'object' || config === null) return false
  if ('submit' in config) return true
  const text = statementText(config)
  return text !== undefined && (opensTransaction(text) || mayLeaveState(text))
}
