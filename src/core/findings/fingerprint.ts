import { presentQueryText } from '../../sql/redaction.ts'
import type { Checkout } from '../checkout.ts'
import { describeFrame, type Origin, userFrames } from '../origin/origin.ts'
import type { ScopeData } from '../scope.ts'
import type { FindingKind } from './finding.ts'

/** How many fingerprints are counted: memory must not grow with time. */
const mostFingerprints = 1000

/** Leaks through one helper are different mistakes of its callers; further out the frames are a framework's. */
const mostFrames = 3

/** Everything that distinguishes one mistake from another. */
export interface MistakeSource {
  readonly kind: FindingKind
  readonly checkout: Checkout
  /** Of the checkout, or else of its transaction. */
  readonly origin: Origin | undefined
  readonly eventOrigin: Origin | undefined
  readonly scope: ScopeData | undefined
}

/** Equal for findings of one mistake. Readable, and the same on every machine that runs the program from its own folder. */
export function fingerprintOf({ kind, checkout, origin, eventOrigin, scope }: MistakeSource): string {
  return `${kind} ${checkout.pool.name} ${place(origin ?? eventOrigin) ?? work(checkout, scope)}`
}

function place(origin: Origin | undefined): string | undefined {
  if (origin === undefined) return undefined
  const frames = userFrames(origin).slice(0, mostFrames)
  return (frames.length === 0 ? [origin] : frames).map((frame) => describeFrame(frame)).join(' < ')
}

/** Without a line, the scope and the statement are all that is known. */
function work({ lastQuery }: Checkout, scope: ScopeData | undefined): string {
  // Without literals, which would make each statement another one.
  const statement = presentQueryText(lastQuery, 'redacted')
  const parts = [scope && `${scope.kind} ${scope.name}`, statement].filter((part) => part !== undefined)
  return parts.length === 0 ? 'unknown place' : parts.join(': ')
}

/** Counts findings by fingerprint. */
export class FingerprintCounts {
  readonly #counts = new Map<string, number>()

  /** How many there have been, this one included. */
  next(fingerprint: string): number {
    const count = (this.#counts.get(fingerprint) ?? 0) + 1
    // Deleted and set anew, the entry moves to the end: the first one is the one not seen for the longest time.
    this.#counts.delete(fingerprint)
    this.#counts.set(fingerprint, count)
    if (this.#counts.size > mostFingerprints) {
      const [oldest] = this.#counts.keys()
      if (oldest !== undefined) this.#counts.delete(oldest)
    }
    return count
  }
}
