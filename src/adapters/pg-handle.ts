import type { Checkout } from '../core/checkout.ts'
import type { Observer } from '../core/observer.ts'
import { refuse } from './pg-refusal.ts'
import type { Callback, Client } from './pg-types.ts'

/** Whom a handle belongs to. */
export interface HandleOwner {
  readonly checkout: Checkout
  /** Release that is bound to this checkout. */
  readonly release: Callback
  /** Who has the client now. */
  owner(): Checkout | undefined
  /** Once the guard is off, the handle is nothing but the client. */
  readonly host: { readonly unwatched: boolean }
  readonly observer: Observer
}

/** The client behind each handle. */
const clients = new WeakMap<object, Client>()

/** The client itself, whether it is one or a handle. */
export function clientBehind(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (clients.get(value) ?? value) : value
}

/**
 * A stand-in for the client that belongs to one checkout: a former owner's calls come through its own handle, and can be
 * told from those of the present one. Everything else is the client's, which methods get as `this`: private fields and
 * the listeners of an emitter are there alone.
 */
export function checkedHandle(
  client: Client,
  { checkout, release: ownRelease, owner, host, observer }: HandleOwner,
): Client {
  const methods = new Map<unknown, unknown>()
  const isStale = () => !host.unwatched && (checkout.phase === 'over' || checkout.phase === 'returning')

  function query(...args: unknown[]): unknown {
    if (isStale()) {
      const error = observer.usedAfterRelease(checkout)
      if (error !== undefined) return refuse(client, error, args)
    }
    return client.query(...args)
  }

  function release(error?: unknown): unknown {
    const present = owner()
    if (host.unwatched || present === undefined || present === checkout) return ownRelease(error)
    if (observer.releasedAgain(checkout, true))
      throw new Error('Release called on client which has already been released to the pool.')
    return client.release?.(error)
  }

  /** As the client's own method, but what would return the client returns the handle. */
  function bound(method: Callback): Callback {
    return function (this: unknown, ...args: unknown[]) {
      const result = Reflect.apply(method, this === handle ? client : this, args)
      return result === client ? handle : result
    }
  }

  const handle = new Proxy(client, {
    get(target, property) {
      if (property === 'query') return query
      if (property === 'release') return target.release === undefined ? undefined : release
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function' || property === 'constructor') return value
      let method = methods.get(value)
      if (method === undefined) {
        method = bound(value as Callback)
        methods.set(value, method)
      }
      return method
    },
    set: (target, property, value) => Reflect.set(target, property, value, target),
  })
  clients.set(handle, client)
  return handle
}
