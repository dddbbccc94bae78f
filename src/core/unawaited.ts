import { inspect } from 'node:util'

/** Errors that code gets from a remedy. Without the remedy it would have got none. */
const ofRemedies: ReadonlySet<unknown> = new Set([
  'LIFEGUARD_SESSION_RELEASED',
  'LIFEGUARD_TRANSACTION_ROLLED_BACK',
  'LIFEGUARD_SESSION_DESTROYED',
  'LIFEGUARD_POOL_DEADLOCK',
])
/** Libraries wrap the errors of the driver, and wrap each other's. */
const deepestCause = 10

/** The same for every copy of the package. */
const mark = Symbol.for('pg-lifeguard.unawaited')

/**
 * From now on a rejection that nobody handles does not end the process if it comes from a remedy: without the guard there
 * would have been none. It is reported as a process warning instead. Everything else is left to Node.js.
 *
 * A listener of `unhandledRejection` would change what Node.js does about every other rejection. So this stands where
 * Node.js asks whether there is one.
 */
export function tolerateUnawaited(): void {
  if (Reflect.has(process.emit, mark)) return
  const original = process.emit as (...args: unknown[]) => unknown
  const emit = function (this: unknown, ...args: unknown[]): unknown {
    const [event, reason, origin] = args
    const isUnhandled =
      event === 'unhandledRejection' || (event === 'uncaughtException' && origin === 'unhandledRejection')
    if (!isUnhandled || !isOfRemedy(reason)) return Reflect.apply(original, this, args)
    process.emitWarning(`nobody awaited a statement that was refused: ${inspect(reason)}`, {
      type: 'LifeguardWarning',
      code: 'LIFEGUARD_UNAWAITED',
    })
    return true
  }
  Object.defineProperty(emit, mark, { value: true })
  Object.defineProperty(process, 'emit', { value: emit, writable: true, configurable: true })
}

function isOfRemedy(reason: unknown): boolean {
  let error: unknown = reason
  for (let depth = 0; depth < deepestCause && error instanceof Error; depth += 1) {
    const { code, finding, cause } = error as Error & { code?: unknown; finding?: unknown }
    if (ofRemedies.has(code) && finding !== undefined) return true
    error = cause
  }
  return false
}
