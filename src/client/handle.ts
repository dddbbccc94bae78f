import type { Checkout } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import { refuse } from './refusal.ts'
import type { Callback, Client } from './types.ts'

/** Whom a handle belongs to. */
export interface HandleOwner {
  readonly checkout: Checkout
  /** Release that is bound to this checkout. */
  readonly release: Callback
  /** Who has the client now. */
  owner(): Checkout | undefined
  /** Once the guard is off, the handle is nothing but the client. */
  readonly host: { readonly unwatched: boolean }
  readonly events: CheckoutEvents
  /** Sends a statement that has been judged here. */
  letPass(send: () => unknown): unknown
}

interface Behind {
  readonly client: Client
  readonly checkout: Checkout
  owner(): Checkout | undefined
}

/** What is behind each handle. */
const handles = new WeakMap<object, Behind>()

function behind(value: unknown): Behind | undefined {
  return typeof value === 'object' && value !== null ? handles.get(value) : undefined
}

/** The client itself, whether it is one or a handle. */
export function clientBehind(value: unknown): unknown {
  return behind(value)?.client ?? value
}

/** The checkout of a handle whose client somebody else has now; undefined for any other handle and for a client. */
export function formerCheckout(value: unknown): Checkout | undefined {
  const { checkout, owner } = behind(value) ?? {}
  const present = owner?.()
  return present === undefined || present === checkout ? undefined : checkout
}

/**
 * A stand-in for the client that belongs to one checkout: a former owner's calls come through its own handle, and can be
 * told from those of the present one. Everything else is the client's, which methods get as `this`: private fields and
 * the listeners of an emitter are there alone.
 */
export function checkedHandle(
  client: Client,
  { checkout, release, owner, host, events, letPass }: HandleOwner,
): Client {
  const methods = new Map<unknown, unknown>()
  /** What an owner has put in place of `query` and `release`. On the client it would be the next owner's, too. */
  const replaced = new Map<string | symbol, unknown>()

  function query(...args: unknown[]): unknown {
    const isStale = !host.unwatched && (checkout.phase === 'over' || checkout.phase === 'returning')
    if (!isStale) return client.query(...args)
    const error = events.usedAfterRelease(checkout)
    return error === undefined ? letPass(() => client.query(...args)) : refuse(client, error, args)
  }

  /** What a former owner finds on a raw client is the release of the present one. */
  function releaseLate(error?: unknown): unknown {
    if (events.releasedAgain(checkout, true))
      throw new Error('Release called on client which has already been released to the pool.')
    return client.release?.(error)
  }

  function presentRelease(): unknown {
    if (host.unwatched || client.release === undefined) return client.release
    const present = owner()
    return present === undefined || present === checkout ? release : releaseLate
  }

  /** As the client's own method, but what would return the client returns the handle. */
  function bound(method: Callback): Callback {
    return new Proxy(method, {
      apply(_method, self, args) {
        const result = Reflect.apply(method, self === handle ? client : self, args)
        return result === client ? handle : result
      },
    })
  }

  const handle = new Proxy(client, {
    get(target, property) {
      if (property === 'query' || property === 'release') {
        if (replaced.has(property)) return replaced.get(property)
        return property === 'query' ? query : presentRelease()
      }
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function' || property === 'constructor') return value
      let method = methods.get(value)
      if (method === undefined) {
        method = bound(value as Callback)
        methods.set(value, method)
      }
      return method
    },
    set(target, property, value) {
      if (property !== 'query' && property !== 'release') return Reflect.set(target, property, value, target)
      replaced.set(property, value)
      return true
    },
    deleteProperty: (target, property) =>
      replaced.delete(property) || property === 'query' || property === 'release'
        ? true
        : Reflect.deleteProperty(target, property),
  })
  handles.set(handle, { client, checkout, owner })
  return handle
}
