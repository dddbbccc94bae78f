import { presentQueryText } from '../../sql/redaction.ts'
import type { Checkout } from '../checkout.ts'
import { describeFrame, type Origin, userFrames } from '../origin/origin.ts'
import type { ScopeData } from '../scope.ts'
import type { FindingKind } from './finding.ts'

/** The number of fingerprints that are counted: memory must not grow with time. */
const mostFingerprints = 1000

/** Leaks through one helper are distinguished by its callers; frames further out belong to frameworks. */
const mostFrames = 3

/** The data that distinguishes one mistake from another. */
export interface MistakeSource {
  readonly kind: FindingKind
  readonly checkout: Checkout
  /** The origin of the checkout, or else of its transaction. */
  readonly origin: Origin | undefined
  readonly eventOrigin: Origin | undefined
  readonly scope: ScopeData | undefined
}

/**
 * Equal for findings of one mistake. Readable, and the same on every machine that runs the program from its own folder.
 */
export function fingerprintOf({ kind, checkout, origin, eventOrigin, scope }: MistakeSource): string {
  const line = origin ?? eventOrigin
  // The callers may be those of another checkout, but not the scope.
  const way = line?.callersVary === true && scope !== undefined ? ` in ${scope.kind} ${scope.name}` : ''
  return `${kind} ${checkout.pool.name} ${place(line) ?? work(checkout, scope)}${way}`
}

function place(origin: Origin | undefined): string | undefined {
  if (origin === undefined) return undefined
  const frames = userFrames(origin).slice(0, origin.callersVary === true ? 1 : mostFrames)
  return (frames.length === 0 ? [origin] : frames).map((frame) => describeFrame(frame)).join(' < ')
}

/** Without a line, scope and statement distinguish mistakes. */
function work({ lastQuery }: Checkout, scope: ScopeData | undefined): string {
  // Redacted, because literals would make each statement different.
  const statement = presentQueryText(lastQuery, 'redacted')
  const parts = [scope && `${scope.kind} ${scope.name}`, statement].filter((part) => part !== undefined)
  return parts.length === 0 ? 'unknown place' : parts.join(': ')
}

/** Counts findings by fingerprint. */
export class FingerprintCounts {
  readonly #counts = new Map<string, number>()

  /** Counts one more, and returns the number. */
  next(fingerprint: string): number {
    const count = (this.#counts.get(fingerprint) ?? 0) + 1
    // Deleting and setting moves the entry to the end, so that the first one is the least recently seen.
    this.#counts.delete(fingerprint)
    this.#counts.set(fingerprint, count)
    if (this.#counts.size > mostFingerprints) {
      const [oldest] = this.#counts.keys()
      if (oldest !== undefined) this.#counts.delete(oldest)
    }
    return count
  }
}
