import { AsyncResource } from 'node:async_hooks'
import { Override } from '../client/override.ts'
import { nameConnections } from '../client/tag.ts'
import { observedConnections, observedStatement } from '../client/timing.ts'
import { type Callback, type Client, isClient, type Method, type Pool } from '../client/types.ts'
import type { Checkout, Via } from '../core/checkout.ts'
import { type CapturedStack, deepStack, setStackDepth } from '../core/origin/origin.ts'
import { mayLeaveState } from '../core/session-state/may-leave-state.ts'
import { opensTransaction, statementText } from '../sql/statement.ts'
import type { PoolCore, PoolHost } from './pool-host.ts'

/** The pool of node-postgres, and what extends it: `connect` with a promise or a callback, `query`, `client.release`. */
export function pgPoolHost(pool: Pool, part?: string): PoolHost {
  return {
    pool,
    part,
    stream: pool.options?.stream,
    get setUpByHost() {
      const { onConnect, verify } = pool.options ?? {}
      return onConnect !== undefined || verify !== undefined || (pool.listenerCount?.('connect') ?? 0) > 0
    },
    gauge() {
      const { max, min } = pool.options ?? {}
      return {
        total: pool.totalCount ?? 0,
        idle: pool.idleCount ?? 0,
        waiting: pool.waitingCount ?? 0,
        max: typeof max === 'number' ? max : undefined,
        min: typeof min === 'number' ? min : undefined,
      }
    },
    isFull() {
      const { totalCount, idleCount, waitingCount, options } = pool
      return Number(totalCount) >= Number(options?.max) && Number(idleCount) <= Number(waitingCount)
    },
    isIdle: (client) => pool._idle?.some((item) => item.client === client) === true,
    clients: () => pool._clients ?? [],
    install: (core) => installOn(pool, core),
    giveBackOf: (client) => client.release,
    destroy: (_client, error, giveBack) => giveBack(error),
  }
}

function installOn(pool: Pool, core: PoolCore) {
  // Set by `query` around the pool's own call of `connect`, which follows synchronously and takes it away.
  let statement: { readonly text: unknown } | undefined

  const connect = (original: Method): Method =>
    function (...args) {
      const asked = statement
      statement = undefined
      if (core.unwatched) return Reflect.apply(original, this, args)
      const [callback] = args
      if (typeof callback !== 'function') {
        const depth = setStackDepth(deepStack)
        const stack = new Error()
        setStackDepth(depth)
        return core.acquire(() => Reflect.apply(original, this, args), viaOf(asked), stack)
      }
      const connectWith = (given: Callback) => Reflect.apply(original, this, [given])
      const isPassing = core.events.sessionState !== 'by query' && !leavesSomething(asked?.text)
      if (asked !== undefined && isPassing) return pass(core, connectWith, callback as Callback, asked.text)
      const depth = setStackDepth(deepStack)
      const stack = new Error()
      setStackDepth(depth)
      return callBack(core, connectWith, callback as Callback, viaOf(asked), stack)
    }
  const query = (original: Method): Method =>
    function (...args) {
      statement = { text: args[0] }
      try {
        return Reflect.apply(original, this, args)
      } finally {
        statement = undefined
      }
    }
  const end = (original: Method): Method =>
    function (...args) {
      core.ending()
      return Reflect.apply(original, this, args)
    }

  const onRemove: Callback = (client) => core.removed(client)
  pool.on?.('remove', onRemove)
  return [
    { restore: () => pool.removeListener?.('remove', onRemove) },
    { restore: nameConnections(pool, core.settings.tag) },
    new Override(pool, 'connect', connect),
    new Override(pool, 'query', query),
    ...observedConnections(pool, core.record, core.ledger),
    ...(typeof pool.end === 'function' ? [new Override(pool, 'end', end)] : []),
  ]
}

function viaOf(statement: object | undefined): Via {
  return statement === undefined ? 'connect' : 'pool.query'
}

/** The callback form of `connect`. */
function callBack(
  core: PoolCore,
  connect: (callback: Callback) => unknown,
  callback: Callback,
  via: Via,
  stack: CapturedStack,
): unknown {
  const checkout = core.request(via, stack)
  // A queued caller is served out of somebody else's release, and would go on in their context.
  const caller = new AsyncResource('PG_LIFEGUARD_CONNECT')
  const answer = (...results: unknown[]) => caller.runInAsyncScope(callback, undefined, ...results)
  core.makeRejectable(checkout, (error) => answer(error, undefined, () => {}))
  const onClient: Callback = (error, client, done) => {
    if (error) {
      core.failed(checkout, error)
      return core.isRejected(checkout) ? undefined : answer(error, client, done)
    }
    const handOut = () => {
      if (core.isRejected(checkout)) return core.giveUp(client)
      const given = core.handOut(checkout, client)
      const release = checkout.phase === 'out' ? (client as Client).release : done
      return answer(error, given, release)
    }
    // In a turn of its own: what the callback throws is no rejection.
    return core.arriving(client)?.then(() => process.nextTick(handOut)) ?? handOut()
  }
  return core.start(checkout, () => connect(oneShot(onClient)))
}

/** The pool's own call of `connect` for an ordinary statement of `pool.query`: nothing is tracked but a long wait. */
function pass(
  core: PoolCore,
  connect: (callback: Callback) => unknown,
  callback: Callback,
  text: unknown,
): unknown {
  const waiter = core.isFull() ? waiterOf(core, callback, text) : undefined
  const { record, ledger } = core
  const answer =
    ledger.meter?.statements === true
      ? observedStatement(callback, record, ledger, waiter !== undefined)
      : callback
  const onClient: Callback = (error, client, done) => {
    if (waiter !== undefined) {
      if (core.isRejected(waiter)) return core.giveUp(client)
      if (error) core.failed(waiter, error)
      else ledger.withdrawn(waiter, 'got a client')
    }
    if (isClient(client) && !core.unwatched) core.guardOf(client).pass()
    return answer(error, client, done)
  }
  return ledger.detached(() => connect(oneShot(onClient)))
}

/** Somebody who waits for a client to send a statement of `pool.query`. */
function waiterOf(core: PoolCore, callback: Callback, text: unknown): Checkout {
  const { ledger, record } = core
  const waiter = ledger.request(record, 'pool.query', true, undefined, ledger.currentScope())
  waiter.lastQuery = statementText(text)
  if (core.events.rejectsWaiters) {
    const reject = (error: Error) => callback(error, undefined, () => {})
    core.makeRejectable(waiter, AsyncResource.bind(reject))
  }
  return waiter
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
