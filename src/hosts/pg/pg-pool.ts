import { Override } from '../../client/override.ts'
import { leavesSomething } from '../../client/statements.ts'
import { nameConnections } from '../../client/tag.ts'
import { observedConnections } from '../../client/timing.ts'
import type { Callback, Client, GiveBack, Method, Pool } from '../../client/types.ts'
import type { Via } from '../../core/checkout.ts'
import { withLaterStack } from '../../core/origin/later-stack.ts'
import { type CapturedStack, setStackDepth } from '../../core/origin/origin.ts'
import { isThenable } from '../../core/thenable.ts'
import type { CallerStacks, PoolCore, PoolHost } from '../pool-host.ts'
import { type AskedStatement, callBack, pass, passAtOnce, promiseClient } from './callers.ts'
import { followEvents } from './pg-pool-events.ts'

/** node-postgres' pool and its subclasses: `connect` with a promise or a callback, `query`, `client.release`. */
export function pgPoolHost(pool: Pool, part?: string, callers?: CallerStacks): PoolHost {
  return {
    pool,
    part,
    stream: pool.options?.stream,
    get setUpByHost() {
      const { onConnect, verify } = pool.options ?? {}
      return onConnect !== undefined || verify !== undefined || (pool.listenerCount?.('connect') ?? 0) > 0
    },
    gauge() {
      const { max = pool.options?.poolSize, min } = pool.options ?? {}
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
      const max = options?.max ?? options?.poolSize
      return Number(totalCount) >= Number(max) && Number(idleCount) <= Number(waitingCount)
    },
    mayOpen() {
      const { totalCount, idleCount, waitingCount, options } = pool
      return !(Number(idleCount) > Number(waitingCount) || Number(totalCount) >= Number(options?.max))
    },
    takesBackTwice: typeof pool._releaseOnce !== 'function',
    isIdle: (client) => pool._idle?.some((item) => item.client === client) === true,
    clients: () => pool._clients ?? [],
    isEnded: () => pool.ended === true,
    install: (core) => installOn(pool, core, callers),
    giveBackOf: (client) => client.release,
    destroy: giveBackUnlocked,
    drop(client) {
      if (typeof pool._remove !== 'function' || typeof pool._pulseQueue !== 'function') return false
      pool._remove(client, () => pool._pulseQueue?.())
      return true
    },
  }
}

function installOn(pool: Pool, core: PoolCore, callers: CallerStacks | undefined) {
  callers?.join(core.stacks)
  // `query` sets it for the pool's own call of `connect`, which follows synchronously and clears it.
  let statement: AskedStatement | undefined
  const isStatement = statementTest(pool)

  /** Whether a statement of `pool.query` gets a client at once, and leaves nothing behind: it needs no line. */
  const isOrdinary = (callback: unknown, asked: AskedStatement): callback is Callback =>
    typeof callback === 'function' &&
    isStatement(callback, asked) &&
    core.events.sessionState !== 'by query' &&
    !leavesSomething(core.texts, asked.text) &&
    !core.isFull()

  const connectFor = (
    original: Method,
    isPgPools: boolean,
    self: unknown,
    args: unknown[],
    stack: CapturedStack,
  ) => {
    const asked = statement
    statement = undefined
    const callback = args[0] as Callback | undefined
    if (typeof callback !== 'function') {
      if (isPgPools) return promiseClient(core, original, self, viaOf(asked), stack)
      return core.acquire(() => Reflect.apply(original, self, args), viaOf(asked), stack)
    }
    const isPassing =
      isStatement(callback, asked) &&
      core.events.sessionState !== 'by query' &&
      !leavesSomething(core.texts, asked?.text)
    if (isPassing) return pass(core, { original, self }, callback, asked, stack, core.isFull())
    const via = isStatement(callback, asked) ? 'pool.query' : 'connect'
    return callBack(core, (given) => original.call(self, given), callback, via, stack, asked)
  }
  // As small as possible: V8 decodes all variables of each function that a stack begins with.
  const connect = (original: Method): Method => {
    const isPgPools = isConnectOfPgPool(pool, original)
    return function (...args) {
      if (core.unwatched) return Reflect.apply(original, this, args)
      if (statement !== undefined && isOrdinary(args[0], statement)) {
        statement = undefined
        return passAtOnce(core, original, this, args[0])
      }
      const carried = callers?.take()
      if (carried !== undefined) return connectFor(original, isPgPools, this, args, carried)
      const depth = setStackDepth(core.stacks.callerDepth())
      const stack = new Error()
      setStackDepth(depth)
      return connectFor(original, isPgPools, this, args, stack)
    }
  }
  const query = (original: Method): Method =>
    function (...args) {
      const asked: AskedStatement = { text: args[0], lineless: undefined }
      statement = asked
      try {
        const result = Reflect.apply(original, this, args)
        return asked.lineless === undefined ? result : withLaterStack(result, asked.lineless)
      } finally {
        statement = undefined
      }
    }
  const end = (original: Method): Method =>
    function (...args) {
      core.ending()
      const ended: unknown = Reflect.apply(original, this, args)
      // Pools of other libraries need not wait for those who hold a client.
      if (typeof pool._releaseOnce === 'function' || !isThenable(ended)) return ended
      return ended.then((result) => {
        core.ended()
        return result
      })
    }

  return [
    { restore: nameConnections(pool.options, core.settings.tag) },
    new Override(pool, 'connect', connect),
    new Override(pool, 'query', query),
    ...observedConnections(pool, core.record, core.ledger),
    ...(typeof pool.end === 'function' ? [new Override(pool, 'end', end)] : []),
    ...followEvents(pool, core),
  ]
}

function viaOf(statement: object | undefined): Via {
  return statement === undefined ? 'connect' : 'pool.query'
}

/**
 * Recognises the calls of `connect` that come from the pool's own `query`. The callback decides, because `pool.query` may
 * have been taken before the pool was watched, and the `query` of a subclass may check clients out itself.
 */
function statementTest(pool: Pool): (callback: object, asked: AskedStatement | undefined) => boolean {
  const isPgPools = isOfPoolQuery(pool.query)
  const extendsPgPool = isPgPools || prototypesOf(pool).some(({ query }) => isOfPoolQuery(query))
  return (callback, asked) =>
    asked !== undefined && (isPgPools || !extendsPgPool) ? true : isOfPoolQuery(callback)
}

/**
 * Whether it is the `connect` of pg-pool, whose promise form is its callback form with promises around it, of the class that
 * everybody uses.
 */
function isConnectOfPgPool(pool: Pool, connect: Method): boolean {
  const text = Function.prototype.toString.call(connect)
  return pool.Promise === Promise && text.includes('promisify(this.Promise, cb)')
}

function prototypesOf(pool: Pool): Partial<Pool>[] {
  const prototypes: Partial<Pool>[] = []
  for (let above = Object.getPrototypeOf(pool); above !== null; above = Object.getPrototypeOf(above)) {
    prototypes.push(above)
  }
  return prototypes
}

/** Whether it is the `query` of pg-pool, or a function inside it: only these contain this log message. */
function isOfPoolQuery(method: unknown): boolean {
  return (
    typeof method === 'function' && Function.prototype.toString.call(method).includes('dispatching query')
  )
}

/**
 * Releases with an error, so that the pool closes the client. pg-promise replaces `client.end` during a checkout; the
 * pool would call the replacement, and never notice that the client has closed.
 */
function giveBackUnlocked(client: Client, error: Error, giveBack: GiveBack): void {
  const lock = Object.getOwnPropertyDescriptor(client, 'end')
  if (lock?.configurable !== true) {
    giveBack(error)
    return
  }
  Reflect.deleteProperty(client, 'end')
  try {
    giveBack(error)
  } finally {
    Object.defineProperty(client, 'end', lock)
  }
}
