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

type Emit = (...args: unknown[]) => unknown

/** Errors that somebody may still reject with. */
let outstanding = 0
/** The emit that was there before ours, while ours is there. */
let original: Emit | undefined
let ours: unknown

const collected = new FinalizationRegistry<undefined>(() => {
  outstanding -= 1
  if (outstanding === 0) restoreEmit()
})

/**
 * Returns an error of a remedy. While anybody has it, an unhandled rejection with it does not end the process: without
 * the guard there would be no rejection. It becomes a process warning instead. Other rejections are left to Node.js.
 *
 * A listener of `unhandledRejection` would change how Node.js handles all other rejections. Therefore this overrides
 * the call by which Node.js looks for such listeners.
 */
export function tolerated<Refusal extends Error>(error: Refusal): Refusal {
  outstanding += 1
  collected.register(error, undefined)
  if (original === undefined) replaceEmit()
  return error
}

function replaceEmit(): void {
  const before = process.emit as Emit
  const emit = function (this: unknown, ...args: unknown[]): unknown {
    return isUnawaitedRefusal(args) || Reflect.apply(before, this, args)
  }
  Object.defineProperty(process, 'emit', { value: emit, writable: true, configurable: true })
  original = before
  ours = emit
}

/** A later override of other code stays, with ours below it. */
function restoreEmit(): void {
  if (original === undefined || process.emit !== ours) return
  Reflect.deleteProperty(process, 'emit')
  if (process.emit !== original) {
    Object.defineProperty(process, 'emit', { value: original, writable: true, configurable: true })
  }
  original = undefined
}

function isUnawaitedRefusal([event, reason, origin]: readonly unknown[]): boolean {
  const isUnhandled =
    event === 'unhandledRejection' || (event === 'uncaughtException' && origin === 'unhandledRejection')
  if (!isUnhandled || !isOfRemedy(reason)) return false
  process.emitWarning(`nobody awaited a statement that was refused: ${inspect(reason)}`, {
    type: 'LifeguardWarning',
    code: 'LIFEGUARD_UNAWAITED',
  })
  return true
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
