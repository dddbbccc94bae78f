import type { Finding } from '../core/findings/finding.ts'
import { describeFrame, type Origin } from '../core/origin/origin.ts'

/** The line of a finding: that of the event, such as a second release, or else of the checkout. */
export function placeOf(finding: Finding | undefined): Origin | undefined {
  return finding?.eventOrigin ?? finding?.origin ?? finding?.transactionOrigin
}

/** The file of a line: with slashes, and relative to the working directory if it is inside. */
export function fileOf(place: Origin): string {
  return describeFrame(place)
    .replace(/:\d+:\d+$/, '')
    .replaceAll('\\', '/')
}

/** The first finding of each fingerprint. */
export function distinctFindings(findings: readonly Finding[]): Finding[] {
  const seen = new Map<string, Finding>()
  for (const finding of findings) if (!seen.has(finding.fingerprint)) seen.set(finding.fingerprint, finding)
  return [...seen.values()]
}
