import { oneLine } from '../core/harmless.ts'
import type { SignalResult } from '../postgres/index.ts'

/** What came of ending or cancelling, in one line. */
export function signalText({ outcome, detail, grant }: SignalResult): string {
  const why = detail === undefined ? '' : `: ${oneLine(detail)}`
  return `${outcome}${why}${grant === undefined ? '' : ` (${grant})`}`
}
