import type { Finding } from '../core/findings/finding.ts'
import { describeFrame, type Origin } from '../core/origin/origin.ts'

/** The line to look at: a second release is at fault itself, else the checkout. */
export function placeOf(finding: Finding | undefined): Origin | undefined {
  return finding?.eventOrigin ?? finding?.origin ?? finding?.transactionOrigin
}

/** Its file as other programs want it: relative to the working directory where it is below it, with slashes. */
export function fileOf(place: Origin): string {
  return describeFrame(place)
    .replace(/:\d+:\d+$/, '')
    .replaceAll('\\', '/')
}

/** One of each, the first: what comes from one line is one mistake. */
export function distinctFindings(findings: readonly Finding[]): Finding[] {
  const seen = new Map<string, Finding>()
  for (const finding of findings) if (!seen.has(finding.fingerprint)) seen.set(finding.fingerprint, finding)
  return [...seen.values()]
}
