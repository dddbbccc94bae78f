import { excludeInBundle } from '../core/origin/own-code.ts'
import { isThenable } from '../core/thenable.ts'
import { removeOwn } from './remove-own.ts'
import type { Method } from './types.ts'

/** Replaces a method on the object itself, not on its prototype, and restores the previous one. */
export class Override {
  readonly original: Method
  readonly #host: object
  readonly #name: string
  readonly #replacement: Method
  readonly #before: PropertyDescriptor | undefined
  #active = true

  constructor(host: object, name: string, replace: (original: Method) => Method) {
    this.#host = host
    this.#name = name
    this.#before = Object.getOwnPropertyDescriptor(host, name)
    this.original = Reflect.get(host, name) as Method
    const { original } = this
    const replacement = replace(original)
    this.#replacement = replacement
    excludeInBundle(replacement, original)
    Object.defineProperty(host, name, {
      value: replacement,
      writable: true,
      configurable: true,
      enumerable: this.#before?.enumerable === true,
    })
  }

  restore(): void {
    if (!this.#active) return
    this.#active = false
    // Other code has wrapped the method meanwhile: restoring it would remove that wrapper.
    if (Reflect.get(this.#host, this.#name) !== this.#replacement) return
    if (this.#before === undefined) removeOwn(this.#host, this.#name)
    else Object.defineProperty(this.#host, this.#name, this.#before)
  }
}

/** Calls `step` before each call of the method. */
export function callBefore(host: object, name: string, step: () => void): Override {
  return new Override(
    host,
    name,
    (original) =>
      function (...args) {
        step()
        return Reflect.apply(original, this, args)
      },
  )
}

/** Calls `step` after each call of the method that has returned, or whose promise has resolved. */
export function callAfter(host: object, name: string, step: () => void): Override {
  return new Override(
    host,
    name,
    (original) =>
      function (...args) {
        const result: unknown = Reflect.apply(original, this, args)
        if (isThenable(result)) {
          return result.then((value) => {
            step()
            return value
          })
        }
        step()
        return result
      },
  )
}
