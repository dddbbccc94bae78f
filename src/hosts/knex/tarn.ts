import { clientBehind } from '../../client/handle.ts'
import { callBefore, Override } from '../../client/override.ts'
import type { Client, Method } from '../../client/types.ts'
import { workOf } from '../../client/work.ts'
import { captureStack, passesThrough } from '../../core/origin/origin.ts'
import type { CallerStacks, PoolCore, PoolHost } from '../pool-host.ts'
import type { TarnPoolLike } from './shape.ts'

interface DisposableClient extends Client {
  readonly __knex__disposed?: unknown
}

interface Resource {
  readonly resource: Client
}

interface PendingAcquire {
  promise: unknown
  reject(error: Error): void
}

interface TarnPool {
  acquire: Method
  release: Method
  destroy: Method
  validate: Method
  destroyer: Method
  readonly min: number
  readonly max: number
  readonly used: readonly Resource[]
  readonly destroyed?: boolean
  readonly free: readonly Resource[]
  readonly pendingCreates: readonly unknown[]
  readonly pendingAcquires: readonly unknown[]
}

/** The host of a tarn pool of node-postgres clients. */
export function tarnHost(given: TarnPoolLike, callers?: CallerStacks, part?: string): PoolHost {
  const pool = given as unknown as TarnPool
  const ownRelease = pool.release
  // tarn cannot drop a client in use: it is released as usual, and fails the validation before its next owner gets it.
  const destroyed = new WeakSet<object>()
  return {
    pool,
    part,
    stream: undefined,
    setUpByHost: false,
    gauge: () => ({
      total: pool.used.length + pool.free.length,
      idle: pool.free.length,
      waiting: pool.pendingAcquires.length,
      max: pool.max,
      min: pool.min,
    }),
    isFull: () =>
      pool.used.length + pool.pendingCreates.length >= pool.max &&
      pool.free.length <= pool.pendingAcquires.length,
    isIdle: (client) => pool.free.some(({ resource }) => resource === client),
    clients: () => [...pool.used, ...pool.free].map(({ resource }) => resource),
    isEnded: () => pool.destroyed === true && pool.used.length + pool.free.length === 0,
    install(core) {
      callers?.join(core.stacks)
      return [
        new Override(pool, 'acquire', (original) => acquireOf(core, original, callers)),
        new Override(pool, 'release', (original) => releaseOf(core, original)),
        new Override(
          pool,
          'validate',
          (original) =>
            function (...args) {
              return destroyed.has(args[0] as object) ? false : Reflect.apply(original, this, args)
            },
        ),
        new Override(
          pool,
          'destroyer',
          (original) =>
            function (...args) {
              core.removed(args[0])
              // Its session was closed by `destroy`; a second `end()` would wait for an answer that has already come.
              return destroyed.has(args[0] as object) ? undefined : Reflect.apply(original, this, args)
            },
        ),
        callBefore(pool, 'destroy', () => core.ending()),
      ]
    },
    giveBackOf: (client) => () => Reflect.apply(ownRelease, pool, [client]),
    destroy(client, _error, giveBack) {
      destroyed.add(client)
      // Nobody handles an error of `end()`. The lifeguard closes the socket if the server does not answer.
      void Promise.resolve(client.end?.()).catch(() => {})
      giveBack()
    },
  }
}

function acquireOf(core: PoolCore, original: Method, callers: CallerStacks | undefined): Method {
  return function (...args) {
    if (core.unwatched) return Reflect.apply(original, this, args)
    let pending: PendingAcquire | undefined
    const start = () => {
      pending = Reflect.apply(original, this, args) as PendingAcquire
      return pending.promise
    }
    // Not a race: tarn would take the rejected promise of a queued caller for a client that is no longer valid.
    const cancel = (error: Error) => pending?.reject(error)
    const promise = core.acquire(start, 'connect', callers?.take() ?? captureStack(), cancel)
    // The caller awaits this promise; tarn itself settles the operation, not the promise.
    if (pending !== undefined) pending.promise = promise
    return pending
  }
}

function releaseOf(core: PoolCore, original: Method): Method {
  return function (...args) {
    const client = clientBehind(args[0]) as Client
    const giveBack = () => Reflect.apply(original, this, [client])
    if (core.unwatched) return giveBack()
    // tarn refuses a second release, and Knex relies on that.
    if (!core.isOut(client) && isOfKnexStream()) return giveBack()
    // A time-out of Knex's leaves its statement running, and marks the client: it is closed before its next owner gets it.
    const { __knex__disposed: disposed } = client as DisposableClient
    const error = disposed ? new Error('disposed by Knex') : undefined
    const release = () => core.release(args[0] as Client, giveBack, error)
    // Knex releases the client of a stream that was left early, and closes its cursor in the next listener.
    if (workOf(client) === 'portal') queueMicrotask(release)
    else release()
    // Also if a remedy delays the release: for the owner, the client is released.
    return true
  }
}

/** Knex releases the client of a stream twice: when its rows have come, and when its reader is done. */
function isOfKnexStream(): boolean {
  return passesThrough(captureStack(), /[\\/]knex[\\/]lib[\\/]execution[\\/]runner\.js/)
}
