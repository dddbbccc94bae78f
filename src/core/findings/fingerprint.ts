import { presentQueryText } from '../../sql/redaction.ts'
import type { Checkout } from '../checkout.ts'
import { describeFrame, type Origin } from '../origin/origin.ts'
import type { FindingKind } from './finding.ts'

/** How many fingerprints are counted: memory must not grow with time. */
const mostFingerprints = 1000

/** Equal for findings of one mistake. Readable, and the same on every machine that runs the program from its own folder. */
export function fingerprintOf(kind: FindingKind, checkout: Checkout, origin: Origin | undefined): string {
  // Without literals, which would make each statement another one.
  const statement = () => presentQueryText(checkout.lastQuery, 'redacted') ?? 'unknown place'
  return `${kind} ${checkout.pool.name} ${origin === undefined ? statement() : describeFrame(origin)}`
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
