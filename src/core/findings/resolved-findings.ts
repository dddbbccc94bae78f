import { type Finding, mostResolved } from './finding.ts'

/** The findings that have resolved, the last ones of them: memory must not grow with time. */
export class ResolvedFindings {
  readonly #findings: Finding[] = []

  add(finding: Finding): void {
    this.#findings.push(finding)
    if (this.#findings.length > mostResolved) this.#findings.shift()
  }

  newestFirst(): Finding[] {
    return this.#findings.toReversed()
  }
}
