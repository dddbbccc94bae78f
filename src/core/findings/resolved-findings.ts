import { type Finding, mostResolved } from './finding.ts'

/**
 * The last resolved findings, up to a limit. Beyond it the oldest of the most frequent fingerprint is dropped, so that
 * one repeated mistake does not displace the others.
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
    // Among equally frequent ones, the oldest fingerprint.
    for (const same of this.#findings.values()) if (same.length > most.length) most = same
    const dropped = most.shift()
    if (dropped !== undefined && most.length === 0) this.#findings.delete(dropped.fingerprint)
    this.#size -= 1
  }
}
