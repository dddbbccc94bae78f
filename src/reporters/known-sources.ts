import { describeScope } from '../core/exhaustion.ts'
import type { Finding } from '../core/findings/finding.ts'
import { describeFrame, userFrames } from '../core/origin/origin.ts'

/** A limit of memory. */
const mostFingerprints = 100
/** The limit of new sources that are named for one mistake. */
const mostSources = 5
/** The number of frames in a fingerprint. */
const comparedFrames = 3

/** Remembers the reported routes and callers of each mistake, so that a repetition names only new ones. */
export class KnownSources {
  readonly #known = new Map<string, Set<string>>()

  /** The route and the caller of a finding, if its mistake was not reported with them before. */
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
