import { clientBehind } from '../../client/handle.ts'
import { callBefore, Override } from '../../client/override.ts'
import type { Client, Method } from '../../client/types.ts'
import { captureStack } from '../../core/origin/origin.ts'
import type { CallerStacks, PoolCore, PoolHost } from '../pool-host.ts'
import type { SequelizePoolLike } from './shape.ts'

interface SequelizePool {
  acquire: Method
  release: Method
  destroy: Method
  drain: Method
  readonly size: number
  readonly available: number
  readonly waiting: number
  readonly maxSize: number
  readonly minSize: number
  readonly _draining?: boolean
  readonly _inUseObjects?: readonly { readonly resource: Client }[]
  readonly _availableObjects?: readonly { readonly resource: Client }[]
}

/** Whether the pool has handed out the client, and has not got it back. */
export function hasInUse(pool: SequelizePoolLike, client: unknown): boolean {
  const { _inUseObjects } = pool as unknown as SequelizePool
  return _inUseObjects?.some(({ resource }) => resource === client) === true
}

/** The host of a sequelize-pool pool of node-postgres clients. `part` names the side of a replication that it serves. */
export function sequelizePoolHost(
  given: SequelizePoolLike,
  callers?: CallerStacks,
  part?: 'read' | 'write',
): PoolHost {
  const pool = given as unknown as SequelizePool
  const ownRelease = pool.release
  const ownDestroy = pool.destroy
  const resources = () => [...(pool._inUseObjects ?? []), ...(pool._availableObjects ?? [])]
  return {
    pool,
    part,
    stream: undefined,
    setUpByHost: false,
    gauge: () => ({
      total: pool.size,
      idle: pool.available,
      waiting: pool.waiting,
      max: pool.maxSize,
      min: pool.minSize,
    }),
    isFull: () => pool.size >= pool.maxSize && pool.available <= pool.waiting,
    isIdle: (client) => pool._availableObjects?.some(({ resource }) => resource === client) === true,
    clients: () => resources().map(({ resource }) => resource),
    isEnded: () => pool._draining === true && pool.size === 0,
    install(core) {
      callers?.join(core.stacks)
      return [
        new Override(
          pool,
          'acquire',
          (original) =>
            function (...args) {
              if (core.unwatched) return Reflect.apply(original, this, args)
              const stack = callers?.take() ?? captureStack()
              return core.acquire(() => Reflect.apply(original, this, args), 'connect', stack)
            },
        ),
        new Override(
          pool,
          'release',
          (original) =>
            function (...args) {
              const [given] = args
              core.release(given as Client, () => Reflect.apply(original, this, [clientBehind(given)]))
            },
        ),
        new Override(pool, 'destroy', (original) => destroyOf(core, original)),
        callBefore(pool, 'drain', () => core.ending()),
      ]
    },
    giveBackOf: (client) => (error) => Reflect.apply(error ? ownDestroy : ownRelease, pool, [client]),
    destroy(client) {
      // Works on a client in use, too. The lifeguard closes the socket if the server does not answer Terminate.
      void Promise.resolve(Reflect.apply(ownDestroy, pool, [client])).catch(() => {})
    },
  }
}

/** The pool calls `destroy` for an idle client; an owner calls it to release a broken one. */
function destroyOf(core: PoolCore, original: Method): Method {
  return function (...args) {
    const given = args[0] as Client
    const client = clientBehind(given) as Client
    if (!core.isOut(given)) {
      core.removed(client)
      return Reflect.apply(original, this, [client])
    }
    let destroying: unknown
    core.release(
      given,
      () => {
        core.removed(client)
        destroying = Reflect.apply(original, this, [client])
        return destroying
      },
      new Error('destroyed by its owner'),
    )
    return destroying ?? Promise.resolve()
  }
}
