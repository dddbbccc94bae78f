import { AsyncResource } from 'node:async_hooks'
import { observedStatement } from '../../client/timing.ts'
import { type Callback, type Client, isClient, type Method } from '../../client/types.ts'
import type { Checkout, Via } from '../../core/checkout.ts'
import { withLaterStack } from '../../core/origin/later-stack.ts'
import { type CapturedStack, originOf } from '../../core/origin/origin.ts'
import { statementText } from '../../sql/statement.ts'
import type { PoolCore } from '../pool-host.ts'

/** A statement passed to `pool.query`. */
export interface AskedStatement {
  readonly text: unknown
  /** Set if its line has to be looked for in a later stack. */
  lineless: Checkout | undefined
}

/**
 * The promise form of `connect`, through the callback form: the pool would make two promises of its own, and one more
 * would follow them.
 */
export function promiseClient(
  core: PoolCore,
  original: Method,
  self: unknown,
  via: Via,
  stack: CapturedStack,
): unknown {
  const checkout = core.request(via, stack)
  const opened = openAnswer(checkout)
  const { answer } = opened
  // The pool keeps the callback of a connection that it opens, and Node.js 20 the caller's scope with the promise.
  let waiting: OpenAnswer | undefined = opened
  let isStarting = true
  const onClient: Callback = (error, client) => {
    if (waiting === undefined) return
    const { waiter, resolve, reject } = waiting
    waiting = undefined
    core.answered()
    if (error) {
      core.failed(waiter, error)
      if (isStarting) reject(error)
      else rejectLater(error, resolve, reject)
      return
    }
    const give = () => {
      try {
        resolve(core.isRejected(waiter) ? core.giveUp(client) : core.handOut(waiter, client))
      } catch (failure) {
        reject(failure)
      }
    }
    const arriving = core.arriving(client)
    if (arriving === undefined) give()
    else arriving.then(give, reject)
  }
  core.makeRejectable(checkout, opened.reject)
  try {
    core.ask(original, self, onClient)
  } catch (error) {
    core.failed(checkout, error)
    throw error
  }
  isStarting = false
  return checkout.queued && core.stacks.mayMissUser(checkout.stack)
    ? withLaterStack(answer, checkout)
    : answer
}

/** The answer to a caller that waits. */
interface OpenAnswer {
  readonly waiter: Checkout
  readonly answer: Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (reason: unknown) => void
}

function openAnswer(waiter: Checkout): OpenAnswer {
  let resolve: OpenAnswer['resolve'] = () => {}
  let reject: OpenAnswer['reject'] = () => {}
  const answer = new Promise<unknown>((resolveIt, rejectIt) => {
    resolve = resolveIt
    reject = rejectIt
  })
  return { waiter, answer, resolve, reject }
}

/** As the pool does: with a stack that leads to the caller in place of one that leads to a socket. */
function rejectLater(
  error: unknown,
  resolve: (value: unknown) => void,
  reject: (reason: unknown) => void,
): void {
  Promise.reject(error)
    .catch((reason: unknown) => {
      if (typeof reason === 'object' && reason !== null) Error.captureStackTrace(reason)
      throw reason
    })
    .then(resolve, reject)
}

/** The callback form of `connect`. */
export function callBack(
  core: PoolCore,
  connect: (callback: Callback) => unknown,
  callback: Callback,
  via: Via,
  stack: CapturedStack,
  asked: AskedStatement | undefined,
): unknown {
  const checkout = core.request(via, stack)
  if (asked !== undefined && originOf(stack) === undefined) asked.lineless = checkout
  // A queued caller is served during the release of another owner, and would continue in that owner's context.
  const caller = new AsyncResource('PG_LIFEGUARD_CONNECT')
  const answer = (...results: unknown[]) => caller.runInAsyncScope(callback, undefined, ...results)
  core.makeRejectable(checkout, (error) => answer(error, undefined, () => {}))
  const onClient: Callback = (error, client, done) => {
    core.answered()
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
    // In a separate turn: an error that the callback throws must not become a rejection.
    return core.arriving(client)?.then(() => process.nextTick(handOut)) ?? handOut()
  }
  return core.start(checkout, () => connect(oneShot(onClient)))
}

/** The pool's own call of `connect` for an ordinary statement of `pool.query` that does not wait. */
export function passAtOnce(core: PoolCore, original: Method, self: unknown, callback: Callback): unknown {
  const { record, ledger } = core
  const isTimed = ledger.meter?.statements === true
  // A connection keeps a reference to its first callback, which must not keep the caller's request in memory.
  let pending: Callback | undefined = isTimed ? observedStatement(callback, record, ledger, false) : callback
  const onClient: Callback = (error, client, done) => {
    core.answered()
    const answer = pending
    pending = undefined
    if (isClient(client) && !core.unwatched) core.guardOf(client).pass()
    return answer?.(error, client, done)
  }
  return core.ask(original, self, onClient)
}

/**
 * The same for one that waits, so that a long wait is tracked, or that is not known yet: `stack` serves in case it leaves
 * something behind.
 */
export function pass(
  core: PoolCore,
  { original, self }: { readonly original: Method; readonly self: unknown },
  callback: Callback,
  asked: AskedStatement | undefined,
  stack: CapturedStack,
  isFull: boolean,
): unknown {
  const { record, ledger } = core
  const waiter = isFull ? waiterOf(core, callback, asked, stack) : undefined
  const answer =
    ledger.meter?.statements === true
      ? observedStatement(callback, record, ledger, waiter !== undefined)
      : callback
  const caller = asked === undefined ? { stack, scope: ledger.currentScope() } : undefined
  const onClient: Callback = (error, client, done) => {
    core.answered()
    if (waiter !== undefined) {
      if (core.isRejected(waiter)) return core.giveUp(client)
      if (error) core.failed(waiter, error)
      else ledger.withdrawn(waiter, 'got a client')
    }
    if (isClient(client) && !core.unwatched) core.guardOf(client).pass(caller)
    return answer(error, client, done)
  }
  return core.ask(original, self, oneShot(onClient))
}

/** A caller of `pool.query` that waits for a client. */
function waiterOf(
  core: PoolCore,
  callback: Callback,
  asked: AskedStatement | undefined,
  stack: CapturedStack,
): Checkout {
  const { ledger, record } = core
  const waiter = ledger.request(record, 'pool.query', true, stack, ledger.currentScope())
  waiter.lastQuery = statementText(asked?.text)
  if (asked !== undefined) asked.lineless = waiter
  if (core.events.rejectsWaiters) {
    const reject = (error: Error) => callback(error, undefined, () => {})
    core.makeRejectable(waiter, AsyncResource.bind(reject))
  }
  return waiter
}

/** A connection keeps a reference to its first callback, which must not keep the caller's request in memory. */
function oneShot(callback: Callback): Callback {
  let pending: Callback | undefined = callback
  return (...results) => {
    const called = pending
    pending = undefined
    return called?.(...results)
  }
}
