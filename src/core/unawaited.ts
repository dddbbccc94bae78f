import { inspect } from 'node:util'

/** The codes of the errors that only remedies cause. */
const ofRemedies: ReadonlySet<unknown> = new Set([
  'LIFEGUARD_SESSION_RELEASED',
  'LIFEGUARD_TRANSACTION_ROLLED_BACK',
  'LIFEGUARD_SESSION_DESTROYED',
  'LIFEGUARD_POOL_DEADLOCK',
])
/** The limit of the chain of causes: libraries wrap the driver's errors, and each other's. */
const deepestCause = 10

/** The same for every copy of the package. */
const mark = Symbol.for('pg-lifeguard.unawaited')

/**
 * Prevents that an unhandled rejection which a remedy has caused ends the process: without the guard there would be no
 * rejection. It becomes a process warning instead. Other rejections are left to Node.js.
 *
 * A listener of `unhandledRejection` would change how Node.js handles all other rejections. Therefore this overrides
 * the call by which Node.js looks for such listeners.
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
