import type { SignalResult } from '../../postgres/index.ts'
import { oneLine } from '../../text/safe-text.ts'

/** The outcome of ending or cancelling, in one line. */
export function signalText({ outcome, detail, grant }: SignalResult): string {
  const why = detail === undefined ? '' : `: ${oneLine(detail)}`
  return `${outcome}${why}${grant === undefined ? '' : ` (${grant})`}`
}
