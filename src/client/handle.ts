import type { Checkout } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import { excludeInBundle } from '../core/origin/own-code.ts'
import { refuse } from './refusal.ts'
import { type Callback, type Client, sentFrom } from './types.ts'

/** The checkout that a handle belongs to. */
export interface HandleOwner {
  readonly checkout: Checkout
  /** The release of this checkout only. */
  readonly release: Callback
  /** The present checkout of the client. */
  owner(): Checkout | undefined
  /** After `unwatch` the handle passes everything to the client. */
  readonly host: { readonly unwatched: boolean }
  readonly events: CheckoutEvents
  /** Sends a statement that the handle has judged already. */
  letPass(send: () => unknown): unknown
}

interface Behind {
  readonly client: Client
  readonly checkout: Checkout
  owner(): Checkout | undefined
}

/** The client and the checkout behind each handle. */
const handles = new WeakMap<object, Behind>()
/** Most programs have none, and are asked at each release. */
let hasHandles = false

function behind(value: unknown): Behind | undefined {
  if (!hasHandles) return undefined
  return typeof value === 'object' && value !== null ? handles.get(value) : undefined
}

/** The client behind a handle; any other value is returned as it is. */
export function clientBehind(value: unknown): unknown {
  return behind(value)?.client ?? value
}

/** The checkout of a handle whose client has another owner now; undefined for any other handle and for a client. */
export function formerCheckout(value: unknown): Checkout | undefined {
  const { checkout, owner } = behind(value) ?? {}
  const present = owner?.()
  return present === undefined || present === checkout ? undefined : checkout
}

/**
 * A stand-in for the client that belongs to one checkout: a former owner's calls come through its own handle, and are
 * distinguished from those of the present one. All else is the client's. Its methods get the client as `this`, because
 * only the client has its private fields and listeners.
 */
export function checkedHandle(
  client: Client,
  { checkout, release, owner, host, events, letPass }: HandleOwner,
): Client {
  // Most owners need neither.
  let methods: Map<unknown, unknown> | undefined
  /** Replacements of `query` and `release` by the owner. On the client, they would affect the next owner. */
  let replaced: Map<string | symbol, unknown> | undefined

  function query(...args: unknown[]): unknown {
    const isStale = !host.unwatched && (checkout.phase === 'over' || checkout.phase === 'returning')
    if (!isStale) return client.query(...args)
    const error = events.usedAfterRelease(checkout, sentFrom(args[0]))
    return error === undefined ? letPass(() => client.query(...args)) : refuse(client, error, args)
  }

  /** A former owner that calls `release` on a raw client calls that of the present one. */
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

  /** The client's own method, which returns the handle where it would return the client. */
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
        if (replaced?.has(property) === true) return replaced.get(property)
        return property === 'query' ? query : presentRelease()
      }
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function' || property === 'constructor') return value
      let method = methods?.get(value)
      if (method === undefined) {
        method = bound(value as Callback)
        methods ??= new Map()
        methods.set(value, method)
      }
      return method
    },
    set(target, property, value) {
      if (property !== 'query' && property !== 'release') return Reflect.set(target, property, value, target)
      replaced ??= new Map()
      replaced.set(property, value)
      return true
    },
    deleteProperty: (target, property) =>
      replaced?.delete(property) === true || property === 'query' || property === 'release'
        ? true
        : Reflect.deleteProperty(target, property),
  })
  hasHandles = true
  handles.set(handle, { client, checkout, owner })
  return handle
}

excludeInBundle(checkedHandle)
