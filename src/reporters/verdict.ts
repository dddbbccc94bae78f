import { type Finding, isLeak } from '../core/findings/finding.ts'

/** The first word of a report; none for a session that somebody else has ended, which is no mistake of the program. */
export function verdictOf(finding: Pick<Finding, 'kind' | 'certainty'>): 'leak' | 'suspected' | undefined {
  if (isLeak(finding)) return 'leak'
  return finding.certainty === 'suspected' ? 'suspected' : undefined
}
