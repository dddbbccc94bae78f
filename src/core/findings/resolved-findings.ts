import { type Finding, mostResolved } from './finding.ts'

/**
 * The findings that have resolved, the last ones of them: memory must not grow with time. If there are too many, the
 * oldest of the most frequent fingerprint goes, so that one mistake that happens all the time hides no other.
 */
export class ResolvedFindings {
  /** By fingerprint, the oldest first. */
  readonly #findings = new Map<string, Finding[]>()
  #size = 0
  #order = new WeakMap<Finding, number>()
  #added = 0

  add(finding: Finding): void {
    const same = this.#findings.get(finding.fingerprint)
    if (same === undefined) this.#findings.set(finding.fingerprint, [finding])
    else same.push(finding)
    this.#added += 1
    this.#order.set(finding, this.#added)
    this.#size += 1
    if (this.#size > mostResolved) this.#dropOne()
  }

  newestFirst(): Finding[] {
    const orderOf = (finding: Finding) => this.#order.get(finding) ?? 0
    return [...this.#findings.values()].flat().toSorted((one, other) => orderOf(other) - orderOf(one))
  }

  #dropOne(): void {
    let most: Finding[] = []
    // Of equally frequent ones the first, which is the one that came up first.
    for (const same of this.#findings.values()) if (same.length > most.length) most = same
    const dropped = most.shift()
    if (dropped !== undefined && most.length === 0) this.#findings.delete(dropped.fingerprint)
    this.#size -= 1
  }
}
