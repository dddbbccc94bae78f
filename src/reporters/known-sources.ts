import { describeScope } from '../core/exhaustion.ts'
import type { Finding } from '../core/findings/finding.ts'
import { describeFrame, userFrames } from '../core/origin/origin.ts'

/** Memory must not grow with time. */
const mostFingerprints = 100
/** A mistake that comes from ever new routes is a mistake of no route. */
const mostSources = 5
/** So many frames are part of the fingerprint. */
const comparedFrames = 3

/** Remembers the routes and callers that each mistake was reported with, so that a repetition names a new one. */
export class KnownSources {
  readonly #known = new Map<string, Set<string>>()

  /** The route and the caller of a finding, where its mistake was not reported with them before. */
  note(finding: Finding): string | undefined {
    const source = sourceOf(finding)
    const known = this.#known.get(finding.fingerprint) ?? new Set()
    if (source === undefined || known.has(source) || known.size >= mostSources) return undefined
    known.add(source)
    this.#known.set(finding.fingerprint, known)
    if (this.#known.size > mostFingerprints) this.#known.delete(this.#known.keys().next().value as string)
    return source
  }
}

function sourceOf({ origin, transactionOrigin, scope }: Finding): string | undefined {
  const main = origin ?? transactionOrigin
  const caller = main && userFrames(main)[comparedFrames]
  const parts = [
    scope && `in ${describeScope({ kind: scope.kind, name: scope.name })}`,
    caller && `called from ${describeFrame(caller)}`,
  ].filter((part) => part !== undefined)
  return parts.length === 0 ? undefined : parts.join(', ')
}
